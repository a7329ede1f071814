"use strict";
// Keys move from step to step; without this script the page is whole, with Tab and Enter.
const steps = [...document.querySelectorAll("article")];
const all = (open) => document.querySelectorAll("article details").forEach((d) => (d.open = open));

function go(by) {
  const within = document.activeElement?.closest?.("article");
  let at = steps.indexOf(within);
  if (at < 0) {
    const next = steps.findIndex((s) => s.getBoundingClientRect().top > 1);
    at = by > 0 ? (next < 0 ? steps.length : next) - 1 : next < 0 ? steps.length : next;
  }
  const target = steps[Math.min(Math.max(at + by, 0), steps.length - 1)];
  target?.focus();
  target?.scrollIntoView({ block: "start" });
}

const keys = {
  j: () => go(1),
  k: () => go(-1),
  o: () => all(true),
  c: () => all(false),
  t: () => document.querySelector(".timeline a")?.focus(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

document.querySelectorAll(".timeline a").forEach((link) =>
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const target = document.querySelector(link.getAttribute("href"));
    target.scrollIntoView({ block: "start" });
    target.focus();
  }),
);
