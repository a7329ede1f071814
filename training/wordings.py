"""How users say it: wordings by family and language, those of the evaluation kept apart.

`(a|b|)` stands for one of its alternatives and may be nested; `{name}` is filled by the family.
"""

from __future__ import annotations

import random
import re

Split = str  # "train" | "held_out"

_GROUP = re.compile(r"\(([^()]*)\)")


def expand(pattern: str, rng: random.Random) -> str:
    """One of the texts that `pattern` stands for."""
    while match := _GROUP.search(pattern):
        choice = rng.choice(match.group(1).split("|"))
        pattern = pattern[: match.start()] + choice + pattern[match.end() :]
    return pattern


HOW = (
    "downtown lovely sunny rainy old new inner outer northern southern eastern western uptown busy quiet "
    "greater cold warm historic modern crowded"
).split()
PLACE = {
    "en": {
        "train": (
            ["{city}"] * 10
            + ["{city}, {country}", "{city} city", "the city of {city}", "{city}, in {country}"]
            + ["downtown {city}", "beautiful {city}", "our {city} office", "the {city} office"]
            + ["{city} - {country}", "{country}'s {city}", "the {city} region", "old {city}"]
            + ["{how} {city}", "the {how} part of {city}"]
        ),
        "held_out": [
            "{city}",
            "{city} ({country})",
            "central {city}",
            "the {city} area",
            "{city} in {country}",
        ],
    },
    "zh": {
        "train": ["{city}"] * 8
        + ["{country}{city}", "{city}市", "{country}的{city}", "{city}那边", "{city}当地"]
        + ["{city}地区", "{country}，{city}", "{city}那个城市"],
        "held_out": ["{city}", "{city}这个城市", "{city}（{country}）", "{city}那里"],
    },
}

TIME = {
    "en": {
        "train": [
            "(What time is it|What's the time|What is the time|What is the current time|What's the current time|What time is it right now|What is the local time|Which hour is it|How late is it|what's the clock) (right now |now |at the moment |currently |today |||)in {p}( right now| now| at the moment| currently| please||||)(?|?|?||.)",
            "(Tell me|Give me|Show me|I need|I'd like|I want|Get me|Look up|Check|Find out|Can you tell me|Could you tell me|Could you give me|Please tell me|I want to know|I would like to know|Let me know|Say) (the time|the current time|the local time|what time it is|the exact time|the time of day|what the time is) (in|for|at) {p}( now| right now| please||)(.|?||)",
            "(Current|Local|Exact|The|Present|) time in {p}(?|.||, please| now)",
            "{p} (current |local |)time( now| please|)(?||.)",
            "(Do you know|Any idea|Can you say|Can you find out|Would you tell me) (what time it is|the time|what the time is|how late it is) in {p}( now|)?",
            "(What|Which time) (does the clock|do clocks|do the clocks|do watches) (say|show|read) in {p}( now|)?",
            "(Is it|I wonder if it is|Is it already) (morning|late|night|evening|early) in {p}(?|.) (What's the time there|What time is it there|Tell me the time there)(?|.|)",
            "(I have|There is|My sister has|We have) a (friend|client|meeting|customer|colleague) in {p}(.|,|;) (what time is it there|what's the time there|tell me the local time)( now|)(?||.)",
            "(My|The|Our) (flight|team|boss|brother|server|train|partner) is in {p}(.|,|:) (what's the time there|what time is it over there|what is the local time)( now| right now|)(?||.)",
            "(If I am|When you are|For someone|For people) in {p}, what time is it( now|)?",
            "(It is|For) what time (in|over in) {p}( now|)?",
            "what is the (hour|time of day) in {p}( at present| now|)(?|)",
            "time {p}",
            "time in {p} now?",
            "now in {p}?",
            "clock in {p}?",
            "(I'm|I am|We are) (calling|phoning|travelling to|flying to|visiting) {p}(,|.) what time is it there( now|)(?|)",
        ],
        "held_out": [
            "Could you check what the time in {p} is at present?",
            "What's the time now over in {p}?",
            "I need to know the current time for {p}.",
            "Please look up the local time in {p} for me.",
            "Hi! What time do they have in {p} right now?",
            "Someone asked me for the time in {p}; what is it?",
            "Quick question: what time is it in {p}?",
            "Would you mind telling me the time in {p}?",
            "Which time is it at this moment in {p}?",
            "time right now, {p}?",
        ],
    },
    "zh": {
        "train": [
            "{p}(现在|此刻|目前|当前|这会儿|)(是|)(几点|几点钟|几点了|什么时间|什么时候|几时)(了|)(？|?||呢？)",
            "(现在|此刻|目前|)({p}|在{p})(是|)(几点|几点钟|什么时间|几点了)(？|?||呢？)",
            "(请|麻烦|)(告诉我|查一下|查查|帮我查|帮我看看|看一下|查询|说一下)(一下|){p}(的|)(当前|现在的|当地|本地|)时间(。||吧。|？)",
            "{p}(的|)(当地|现在|当前|本地|)时间(是多少|是几点|是什么|)(？||。)",
            "(我想知道|我要知道|想问问|想知道|请问|你知道){p}(现在|目前|)(是几点|几点|几点了|的时间)(？||。|吗？)",
            "(我的|我有个|我们的)(朋友|客户|同事|家人)在{p}(，|。)(那边|那里|当地)现在几点(了|)(？|)",
            "(我要|我想|准备)(给{p}打电话|去{p}|飞{p})(，|。)(那边|那里|当地)(现在|)几点(了|)(？|)",
            "{p}时间",
            "{p}几点",
            "现在{p}时间",
            "{p}的钟现在指向几点？",
        ],
        "held_out": [
            "请问一下{p}此时此刻几点？",
            "能不能帮我查{p}现在的时间？",
            "你好，{p}现在几点钟了呀？",
            "在{p}，现在是几点呢？",
            "麻烦看看{p}当前是什么时间。",
            "{p}那儿的时间现在是多少？",
        ],
    },
}

CONVERT = {
    "en": {
        "train": [
            "(When|If) it(| i|'| wa)s {t} in {a}, (what time is it|what's the time|what is the time|how late is it|what time would it be|what is it) in {b}(?|)",
            "(Convert|Translate|Change|Turn|Please convert|Can you convert|Could you convert) {t} (in |from |)({a}|{a} time|the time in {a}) (to|into) ({b}|{b} time|the time in {b})(.||?)",
            "(What is|What's|What time is|Tell me) {t} (in |)({a}|{a} time) (in|for|to) ({b}|{b} time)(?||.)",
            "(It is|It's|The time is|If it is) {t} in {a}(.|,|;) (What time is it|What's the time|what time is that|what is that) in {b}(?|)",
            "(A|My|The|Our) (meeting|call|flight|concert|game|show|match|webinar|class) (starts|begins|is|takes place) at {t} in {a}( time|)(.|,) (What time is that|When is that|What is that|what time do people join) in {b}(?|)",
            "{t} {a} (time |)(in|to|->|=) {b}( time|)(?||.)",
            "(What|Which) time (is it|will it be|would it be) in {b} (when|if) it is {t} in {a}(?|)",
            "(Give me|I need|Show me|Find) the {b} time (for|when it is|of) {t} in {a}(.|)",
            "{t} in {a} (is what time|is when|is what) in {b}(?|)",
            "from {a} to {b}: {t}",
            "(What|Which) (time|hour) (is it|will it be|is that|does that make) in {b}(,|) (if|when|given that) (it is|it's|the clock shows) {t} in {a}(?|)",
            "(In|For) {b}, (what is|what's|how late is) {t} (in|of) {a}(?|)",
            "(Say|Imagine|Assume) it is {t} in {a}(.|;) (What|Which) time (is it|is that) in {b}(?|)",
            "(How late|What time) is it in {b} at {t} {a} time(?|)",
        ],
        "held_out": [
            "Suppose it is {t} in {a}. What time is it in {b}?",
            "The call is at {t} in {a}; what time is that in {b}?",
            "Please tell me what {t} in {a} is in {b}.",
            "Could you convert {t} from {a} to {b} for me?",
            "In {b}, what time is it when it is {t} in {a}?",
            "What will the time be in {b} if it's {t} in {a}?",
        ],
    },
    "zh": {
        "train": [
            "{a}(时间|)(的|){t}(是|等于|对应)(在|){b}(的|)(几点|什么时间|几点钟)(？|)",
            "(如果|当|假如|)({a}|在{a})(是|现在|时间是|){t}(，|的时候，|时，)(那么|)({b}|在{b})(是|)(几点|几点钟|什么时间)(？|呢？|)",
            "(把|将|请把|请将|帮我把){a}(时间|)(的|){t}(换算|转换|换|转)(成|为|到){b}(的|)时间(。||吧。)",
            "{a}{t}，{b}(是|)(几点|几点钟|什么时间)(？|)",
            "(会议|航班|比赛|演出|直播|课)(在|)({a}|{a}时间)(的|){t}(开始|举行)(，|。)({b}|在{b})(是|)几点(？|)",
            "{a}{t}(换算成|转成|对应){b}(时间|)(是几点|)(？|。|)",
            "{b}(是|)几点(，|)(当|如果){a}是{t}(？|时？)",
        ],
        "held_out": [
            "请问{a}时间{t}的时候{b}几点？",
            "{a}那边{t}，{b}那边是几点钟？",
            "帮忙换算一下：{a}的{t}是{b}的几点？",
            "假设{a}现在是{t}，{b}呢，几点？",
        ],
    },
}

TITLE = {
    "en": {
        "train": [
            "(What is|What's|Tell me|Give me|Show me|Find|Get|Find out|Read|I need|Look up) the (page |)title of (the (page|site|website|web page|document) (at |)|){u}(?||.|)",
            "(What is|What's) the title (at|on|for) {u}(?|)",
            "(Fetch|Open|Get|Load|Download|Visit|Read|Look at|Go to|Retrieve) {u} (and|then) (tell me|give me|name|show me|report|say|return) (its|the|the page's|the page) title(.||, please)",
            "(Which|What) title does (the page |the site |){u} (have|carry|show)(?|)",
            "(How|What) is (the page |){u} (called|titled|named)(?|)",
            "(Title of|title:|page title of|title for) {u}(?||.)",
            "{u} (- what is|: what's|, tell me|what is) (its|the|the page) title(?||.)",
            "(Please |Can you |Could you |)(fetch|open|load|visit) {u}(.|,|;) (What is the title|what's the title|what is it called|I want its title)(?|)",
            "(Can you|Could you|Would you) (tell me|find|get|read) (the title|the page title|the name) of {u}(?|)",
        ],
        "held_out": [
            "Please have a look at {u} and tell me the title of that page.",
            "I'd like to know the title of {u}.",
            "Go fetch {u} for me: what's the page title?",
            "What's the title of the page you get from {u}?",
            "Could you open {u} and read me the title?",
            "Which title is on the page {u}?",
        ],
    },
    "zh": {
        "train": [
            "{u} (的|这个网页的|这个页面的|网页的|页面的)(标题|题目)(是什么|是啥|叫什么|)(？||。)",
            "(打开|访问|获取|抓取|读取|看看|请打开|请访问|帮我打开|去) {u} (，|并|然后|)(告诉我|说出|给我|看看)(它的|页面的|网页的|)(标题|页面标题|网页标题)(。||吧。)",
            "(请|帮我|麻烦|)(告诉我|查一下|找出|看一下) {u} 的(网页|页面|)标题(。||？)",
            "(这个网页|网页|页面) {u} (叫什么|的标题是什么|标题是什么)(？|)",
            "(标题|网页标题|页面标题)：{u}",
        ],
        "held_out": [
            "请抓取 {u} ，页面标题叫什么？",
            "我想知道 {u} 的标题。",
            "能帮我看看 {u} 这个页面的标题吗？",
            "访问一下 {u} ，说说网页的标题。",
        ],
    },
}

MATH = {
    "en": {
        "train": [
            "(What is|What's|Calculate|Compute|Work out|Evaluate|Find|Solve|Tell me|Give me|How much is|Please calculate|Please compute|Can you compute|Can you calculate|Could you work out|I need|Determine|Figure out|what does it make:|Run the numbers:) {e}(?||.| please| for me|)",
            "{e}(?| =| = ?|=|| equals what?| equals| is what?)",
            "(What|How much) (does|do) {e} (equal|make|give|come to)(?|)",
            "(What is|What's) the (result|value|answer) of {e}(?|)",
            "(I want to know|I'd like to know|Do you know|I wonder) (what|how much) (is {e}|{e} is)(.|?|)",
            "(Use Python|Use code|With Python|With the interpreter|Using code)(,|:|) (what is|compute|calculate|to get) {e}(?|.|)",
        ],
        "held_out": [
            "Could you tell me what {e} is?",
            "Please find out how much {e} is.",
            "Quick, what's {e}?",
            "I have to know the value of {e}.",
            "My homework asks for {e}; what is it?",
            "Can you work out {e} for me?",
        ],
    },
    "zh": {
        "train": [
            "{e}(是多少|等于多少|等于几|是几|的结果是多少|得多少|=？|=|)(？|?||呢？)",
            "(计算|算|算一下|求|请计算|请算|帮我算|帮我计算|请帮我算一下|计算一下|算算){e}(。|？|||的结果。|的值。)",
            "(请问|我想知道|你知道|告诉我){e}(是多少|等于多少|等于几)(？|。||吗？)",
            "(用|使用|运行)(Python|代码|程序)(计算|算|求)(一下|){e}(。||)",
        ],
        "held_out": [
            "麻烦算出{e}的结果。",
            "能告诉我{e}等于多少吗？",
            "你好，{e}得多少呢？",
            "请你计算一下{e}是多少。",
        ],
    },
}

TWO_CITIES = {
    "en": {
        "train": [
            "(What time is it|What's the time|What is the time|What is the current time|What's the local time) (right now |now |)in {a} and (in |){b}( now| right now|)(?||.)",
            "(Tell me|Give me|Show me|I need|Look up|Check|Find|Please tell me|Get|Get me) the (time|current time|local time|times|current times) in {a} and (in |){b}( now||)(.||?)",
            "(Time|Times|Current time|The time|Local times) in {a} and (in |){b}(?||.)",
            "(How late is it|what's the clock|what time is it) in both {a} and {b}(?|)",
            "{a} and {b}(:|,) (what time is it|what's the time) (in each|there|in both)(?|)",
            "(Compare|List|Show) the (times|time|current times) (in|of) {a} and {b}(.|)",
            "what time is it in {a}, and what time is it in {b}(?|)",
            "(The|Current|What is the) time (both |)in {a} (as well as|and also|and) (in |){b}(?|.|)",
            "(I want|I need|Give me|Tell me) the (time|clock) in {a} and the (time|one|clock) in {b}(.|)",
            "(For|In|Both) {a} (as well as|and) {b}(,|:) (which|what) time(?|)",
        ],
        "held_out": [
            "I'd like the time in {a} and the time in {b}.",
            "Could you tell me what time it is in {a} and {b}?",
            "For {a} as well as {b}: what time is it?",
            "What time is it now both in {a} and in {b}?",
        ],
    },
    "zh": {
        "train": [
            "{a}(和|与|跟|、|还有|以及|及){b}(现在|目前|当前|此时|)(分别|各|都|)(是|)(几点|几点钟|什么时间|几点了)(？||?)",
            "(请问|我想知道|想知道){a}(和|与|跟|及){b}(现在|目前|)(分别|各|都|)(是|)(几点|几点钟|几点了)(？|。|)",
            "(告诉我|查一下|请查|帮我查|看看|请告诉我|同时查){a}(和|与|跟|还有|以及){b}(的|现在的|的当前|)时间(。||？)",
            "(现在|目前|){a}几点(，|？|、){b}(又|呢|)几点(？|)",
            "{a}(和|与){b}(的|)(当地|)时间(？|是多少？|分别是多少？|)",
            "比较(一下|){a}(和|与){b}的时间。",
        ],
        "held_out": [
            "请问{a}还有{b}现在各是几点？",
            "我想同时知道{a}和{b}的时间。",
            "{a}以及{b}此刻几点？",
        ],
    },
}

TWO_PAGES = {
    "en": {
        "train": [
            "(What are|Tell me|Give me|Get|Find) the (titles|page titles) of {a} and {b}(?||.)",
            "(Fetch|Open|Load) {a} and {b} and (tell me|give me|name) (their|both) titles(.|)",
            "(Titles of|titles:) {a} and {b}(?||.)",
        ],
        "held_out": [
            "Please look at {a} and {b}: what are their titles?",
            "I need the titles of both {a} and {b}.",
        ],
    },
    "zh": {
        "train": [
            "{a} (和|与) {b} 的标题(分别|各|)是什么(？|)",
            "(打开|获取|抓取) {a} (和|与) {b} (，|)(告诉我|给我)(它们的|两个|)标题(。|)",
        ],
        "held_out": ["请查看 {a} 和 {b} ，两个页面的标题是什么？"],
    },
}

CHAIN = {
    "en": {
        "train": [
            "(Fetch|Get|Open|Read|Load|Look at|Download) {u}(,| and) (take|read|find|get) the (number|value|figure) (there|on it|in it|on the page|) and {op}(.|)",
            "(Fetch|Get|Open|Read|Load) {u} and {op_it}(.|)",
            "(What is|What's|Compute|Calculate|How much is) the number (at|on|from|in) {u} {op_noun}(?||.)",
            "(Take|Read|Get|Use) the (number|value|figure) (at|on|from) {u} and {op}(.|)",
            "(Look up|Find) the number (at|on) {u}(, then| and| and then) {op}(.|)",
            "(There is|You find) a number (at|on) {u}(.|;) (Please |){op}(.|)",
            "The (address|site|link|document|file) {u} (has|holds|shows|contains|gives) (a|one) (number|value) (on it|in it|)(.|;) (Take|Get|Use) (it|that) and {op}(.|)",
            "(At|On|Under) {u} (is|there is|stands) a number(.|,|;) (Read it and |Take it and |){op}(.|)",
            "(Please |Now |)(open|get|read|load|visit) {u}(, then| and then|; then|, and) {op}(.|)",
            "(Fetch|Get) {u}(, then| and then|;) (please |){op_it}(.|)",
            "(Please |Can you |)(get|read|take) (me |)the (number|value) (from|at|on) {u}(, then| and then) {op}(.|?|)",
        ],
        "held_out": [
            "The page {u} has a number on it. Read it and {op}.",
            "Please fetch {u}, then {op}.",
            "Get me the number from {u} and {op}.",
            "Could you open {u} and {op_it}?",
        ],
    },
    "zh": {
        "train": [
            "(打开|获取|读取|访问|抓取|请打开|请读取) {u} (，|并|)(把|将)(里面的|其中的|上面的|那个|页面上的|)(数|数字|数值)(，|){op}(。||，得多少？)",
            "(先|请先|)(打开|获取|看|取) {u} (，|上的数，|里的数字，)(然后|再|接着){op}(。||，是多少？|，得多少？)",
            "(读|取|拿) {u} (里|上|中)的(数|数字|数值)(，|)(再|然后|接着){op}(。||是多少？|，得多少？)",
            "{u} (里|上|中|页面上)的(数|数字|数值){op}(等于多少|是多少|得多少)(？|)",
            "(计算|算一下|求) {u} (里|上|中)的(数|数字|数值){op}(。||的结果。)",
        ],
        "held_out": [
            "先读 {u} 上的数字，再{op}，结果是多少？",
            "请把 {u} 页面里的数字{op}。",
        ],
    },
}

FOLLOW_PLACE = {
    "en": {
        "train": [
            "(And|and|And what about|What about|How about|what of|And now|And what time is it) (in |){p}(?|)",
            "(And|Now) the same for {p}(.|?|)",
            "{p}(?| too?| as well?)",
            "(OK|Thanks|Great|Good)(,|.) and (in |){p}(?|)",
        ],
        "held_out": [
            "And what is it in {p}?",
            "Thank you. How about {p}?",
            "Also for {p}, please.",
            "And over in {p}?",
        ],
    },
    "zh": {
        "train": [
            "(那|那么|还有|)(，|){p}呢？",
            "(那|那么|)(在|){p}(是|)几点(呢|)？",
            "(好的|谢谢|多谢)(，|。){p}呢？",
            "(再|也)(查|看)(一下|){p}(。|的时间。)",
        ],
        "held_out": ["那{p}又是几点？", "明白了，{p}那边呢？", "{p}的呢？"],
    },
}

FOLLOW_MATH = {
    "en": {
        "train": [
            "(And|Now|Then|and now|OK, now|Next,|) {op_that}(.|?|)",
            "(And |What is that |What's that |And that |)({op_noun})(?|.|)",
        ],
        "held_out": [
            "Great. Now please {op_that}.",
            "And what do you get if you {op_that}?",
            "Thanks! {op_that} too.",
        ],
    },
    "zh": {
        "train": [
            "(那|那么|再|然后|现在|)(把它|把结果|将结果|结果|){op}(呢|是多少|等于多少|得多少|)(？|。|)"
        ],
        "held_out": ["好，接着把结果{op}。", "那如果{op}是多少呢？"],
    },
}

THANKS = {
    "en": {"train": ["(Thanks|Thank you|Thanks a lot|Great, thanks|Perfect, thank you|Cheers|thx)(!|.|)", "(OK|Good|Nice|Great)(, | |. )(thank you|thanks)(!|.|)"], "held_out": ["Many thanks!", "That helps, thank you.", "Thanks so much!"]},
    "zh": {"train": ["(谢谢|多谢|谢谢你|非常感谢|好的，谢谢|太好了，谢谢)(！|。|)"], "held_out": ["感谢你！", "谢谢帮忙！"]},
}  # fmt: skip

NOISE = {
    "en": {
        "train": ["Hi! ", "Hello, ", "Hey, ", "Please: ", "Good morning. ", "Excuse me, ", "Question: ", "Quick one: ", "I'm planning a trip. ", "I am in a hurry. ", "Sorry to bother you. ", "One more thing: ", "My boss wants to know: ", "So, ", "Well, ", "OK. ", "Dear assistant, ", "For my report: ", "Um, ", "Tell me, "],
        "held_out": ["Hello there! ", "I have a question. ", "Just curious: ", "For a friend: "],
    },
    "zh": {
        "train": ["你好，", "您好！", "请问，", "问一下：", "我赶时间。", "打扰了，", "嗨，", "帮个忙，", "老板想知道，", "早上好，", "那个，", "对了，", "我有个问题："],
        "held_out": ["哈喽，", "请教一下，", "劳驾，"],
    },
}  # fmt: skip


def say(
    table: dict[str, dict[str, list[str]]],
    language: str,
    split: Split,
    rng: random.Random,
    /,
    **slots: str,
) -> str:
    """One wording of `table`, its slots filled, as a user might type it."""
    pattern = rng.choice(table[language][split])
    keys = {name: f"\x00{name}\x01" for name in slots}
    text = expand(pattern.format(**keys), rng)
    words_only = text
    if language == "en":
        roll = rng.random()
        if roll < 0.12:
            words_only = text.lower()
        elif roll < 0.5 and words_only[:1].islower():
            words_only = words_only[:1].upper() + words_only[1:]
    for name, value in slots.items():
        words_only = words_only.replace(f"\x00{name}\x01", value).replace(
            f"\x00{name.upper()}\x01", value
        )
    if rng.random() < 0.15:
        words_only = rng.choice(NOISE[language][split]) + words_only
    return words_only.strip()
