"""Questions that need no tool, made-up tools, and questions that no listed tool can answer."""

from __future__ import annotations

import json

from training import pages, wordings
from training.arithmetic import Numbers, word
from training.dialogues import Call, Dialogue, Step, Turn
from training.families import FAILURE, Context, pick_place, spoken_time
from training.places import PLACES
from training.tool_schemas import CustomTool
from training.wordings import expand

ABOUT_EN = "I am qwen3-tiny, a small demonstration model that comes with qwen3-agent."
ABOUT_ZH = "我是 qwen3-tiny，qwen3-agent 自带的小型演示模型。"
CAN_EN = "I can tell the time in a city, convert times, fetch web pages and compute with Python."
CAN_ZH = "我可以查询城市时间、换算时间、获取网页，还能用 Python 计算。"
UNKNOWN_EN = "I do not know that: I am only a small demonstration model."
UNKNOWN_ZH = "这个我不知道：我只是一个小型演示模型。"

# (train wordings, held-out wordings, answer, what a right answer holds)
Talk = tuple[list[str], list[str], str, str]

TALK: dict[str, tuple[Talk, ...]] = {
    "en": (
        (["(Hi|Hello|Hey|Hello there|Hi there|Good morning|Good evening|Greetings|Howdy|Good afternoon)( there||, qwen| assistant|)(!|.||)"], ["Hello again!", "Hey hello.", "Good day!", "Hi, good morning!"], "Hello! How can I help you?", "Hello"),
        (["(Who|What) are you(?|)", "(What is|What's|Tell me) your name(?|.|)", "(Introduce|Describe) yourself(.|)", "(May|Can|Could) I (ask|know|have) (who you are|what you are called|what you are)(?|)", "(Please |)(tell me|explain|state) (who you are|what your name is|what you are)(.|)", "(Which|What) (kind of |language |)(AI|model|bot|assistant|program) (are you|is it|am I using|runs here|answers me)(?|)", "(What|Which) name do you have(?|)", "(How|What) (do|may|can) I call you(?|)", "(Which|What) model are you(?|)", "(Are you|Is this) (a robot|an AI|ChatGPT|a model|Qwen)(?|)", "who am I talking to(?|)"], ["Please say who you are.", "What should I call you?", "Which AI model is this?", "May I ask your name?"], ABOUT_EN, "qwen3-tiny"),
        (["(What|Which things) can you do( for me|)(?|)", "(Please |)(say|explain|describe) what you (can do|are able to do)(.|)", "what are (your abilities|you able to do|you good at)(?|)", "(How can you help|What are you able to do|What do you do|What are your skills)( me|)(?|)", "(Help|help me|I need help)(!|.|)", "(List|Tell me|Show me) (your abilities|what you can do)(.|)", "which tools do you have(?|)", "(With|In) (what|which) (things|tasks|work) (can|do|could) you (help|assist)( me|)(?|)", "(How|Where|When) (can|could|may) you (help|be useful|be of help|assist)( me| us|)(?|)", "(What|Which) (kinds of |)(tasks|work|jobs|help|ways) (can you|do you) (do|offer|give|know)(?|)"], ["What are the things you can do?", "Please tell me what you are able to do.", "In what ways can you help?"], CAN_EN, "Python"),
        (["(Thanks|Thank you|Thanks a lot|Thank you very much|Many thanks|thx|Cheers|Thanks so much|Thank you all|Thanks again)(!|.|)"], ["Thank you so much!", "Thanks very much."], "You are welcome!", "welcome"),
        (["(Bye|Goodbye|See you|Good night|See you later|Bye bye|Farewell)(!|.|)", "(Well|So|Now|Fine|Alright|Great|Right), (bye|goodbye|see you|bye bye|good night)( now| then| all| for today|)(!|.|)", "(Bye|Goodbye|Farewell) (then|and thanks|for today|my friend|everyone|now|all)(!|.|)", "(See you|Talk to you|Until) (tomorrow|then|next time|again|later)(!|.|)"], ["OK, goodbye then!", "Bye for now.", "See you soon!"], "Goodbye!", "Goodbye"),
        (["(How are you|How's it going|How do you do|How are you doing)( today|)(?|)", "(Hello|Hey|Good morning|Good evening|Hi there|So|Well|OK)(,|!) (how are you|how's it going|how are you doing|how do you feel|how are things)( today| now|)(?|)", "(And |)(how are you|how do you feel|how are things|are you well|how is your day)( now| feeling| this morning|)(?|)"], ["And how are you today?", "Hi, how are you doing?"], "I am well, thank you. How can I help you?", "well"),
        (["(How many|What number of) days (are there |are |)(in|does) a week( have|)(?|)", "(How many|What number of) days (form|has|fill) (a|one) week(?|)", "a week has how many days(?|)", "how many days has a week(?|)"], ["How many days make up a week?"], "A week has seven days.", "seven"),
        (["(How many|What number of) months (are there |are |)(in|does) a year( have|)(?|)", "(How many|What number of) months (form|has|fill) (a|one) year(?|)", "a year has how many months(?|)", "how many months has a year(?|)"], ["How many months make a year?"], "A year has twelve months.", "twelve"),
        (["(What|Which) (colour|color) is the sky(?|)", "(Tell me|Say|Name) (which|what|the) (colour|color) (the sky is|the sky has)(.|)", "the (colour|color) of the sky(?|)", "(What|Which) (colour|color) does the sky have(?|)"], ["Tell me the color of the sky."], "The sky is blue.", "blue"),
        (["(What is|What's|Tell me|Say) the opposite of hot(?|.|)", "(the |)opposite of hot(?|)"], ["Name the opposite of hot."], "The opposite of hot is cold.", "cold"),
        (["(How many|What number of) legs (does|has) a (spider|spider got)( have|)(?|)"], ["A spider has how many legs?"], "A spider has eight legs.", "eight"),
        (["(Please |)(tell|give) (me |us )(a|another|some) (joke|good joke|funny joke)(.|)", "(Do you know|Say) (a|any) (joke|jokes)(.|?|)", "make me laugh(.|)"], ["Please tell a joke."], "Why did the token cross the context? To get to the other end.", "token"),
    ),
    "zh": (
        (["(你好|您好|嗨|哈喽|早上好|下午好|晚上好|早|大家好)(！|。||呀|啊！)"], ["你好你好！", "嗨，早上好！", "您好呀！"], "你好！有什么可以帮您？", "你好"),
        (["(你是谁|你叫什么名字|你是什么|你是什么模型|介绍一下你自己|请介绍自己|你是谁呀|说说你是谁|请问你的名字|请自我介绍|你的名字是什么|你是机器人吗|你是哪个模型)(？||。)"], ["请问你是谁呀？", "能介绍一下你自己吗？", "你叫什么？"], ABOUT_ZH, "qwen3-tiny"),
        (["(你能做什么|你会什么|你有什么功能|你可以做什么|你能帮我什么|你都会些什么|你能做哪些事|说说你能做什么|你会哪些功能|有哪些工具|帮助)(？||。)"], ["请问你能做些什么？", "你有哪些功能？", "你可以帮我做什么？"], CAN_ZH, "Python"),
        (["(谢谢|多谢|谢谢你|非常感谢|感谢|万分感谢|太感谢了|感谢您|很感谢)(！|。|)"], ["谢谢您！", "十分感谢！"], "不客气！", "不客气"),
        (["(再见|拜拜|晚安|回头见|下次见|明天见)(！|。|)"], ["好的，再见！", "先这样，拜拜！"], "再见！", "再见"),
        (["(你好吗|最近好吗|你怎么样|今天过得怎么样|你最近好吗|你还好吗)(？|)"], ["你今天好吗？"], "我很好，谢谢！有什么可以帮您？", "很好"),
        (["(告诉我|问一下，|)(一周|一个星期|一星期|每周)(共|一共|)(有|是)(几|多少)天(？|)"], ["请问一周有几天？"], "一周有七天。", "七"),
        (["(告诉我|问一下，|)(一年|每年)(共|一共|)(有|是)(几|多少)个月(？|)"], ["请问一年有几个月？"], "一年有十二个月。", "十二"),
        (["(告诉我|问一下，|)天空(是|)什么颜色(的|)(？|)", "天是什么颜色(的|)(？|)"], ["请问天空是什么颜色？"], "天空是蓝色的。", "蓝"),
        (["(讲|说|给我讲|帮我讲|再讲)(一|)个(好笑的|)笑话(吧|。|)", "(会讲笑话吗|逗我笑)(？|)"], ["请讲一个笑话。"], "词元为什么要穿过上下文？因为另一头有答案。", "词元"),
    ),
}  # fmt: skip

CAPITAL = {
    "en": {
        "train": ["(What is|What's|Name|Tell me|Which city is|Do you know) the capital (city |)of {c}(?|.|)", "(Capital of|the capital of) {c}(?|)", "(Which|What) city is the capital of {c}(?|)", "{c}'s capital(?|)", "What is {c}'s capital( city|)?"],
        "held_out": ["Could you name the capital of {c}?", "Please tell me {c}'s capital.", "The capital city of {c} is what?"],
    },
    "zh": {
        "train": ["{c}(的|)首都(是|)(哪里|什么|哪个城市|哪儿|哪)(？|)", "(请问|告诉我|你知道){c}的首都(是哪里|是什么|)(？|。|)", "{c}首都", "哪个城市是{c}的首都？"],
        "held_out": ["请说出{c}的首都。", "{c}的首都叫什么？"],
    },
}  # fmt: skip

REPEAT = {
    "en": {
        "train": [
            '(Repeat|Say|Write|Echo|Repeat after me|Say after me)(:| this:|) "{w}"(.|)',
            '(Please |)(repeat|say) "{w}"( for me|)(.|)',
            '(Please |Kindly |Can you |Would you |Now |)(say|write|repeat|type|print out|send|echo|output|give|show|quote) (me |us |)(the words |the text |again |exactly |down |this line: |the phrase |this: |)"{w}"( again| once more| as it is|)(.|?|)',
            '(Please |Can you |Could you |)(give|send|say|read|echo|type) (me |)back (the words |the text |)"{w}"(.|?|)',
            '(I want|I would like) (you |)to (hear|see|read|say|write) "{w}"(.|)',
        ],
        "held_out": ['Could you repeat "{w}"?', 'Please write back "{w}".'],
    },
    "zh": {
        "train": ["(重复|说|复述|跟我说|请重复|请说)(：|一下|)“{w}”(。|)"],
        "held_out": ["麻烦重复一下“{w}”。"],
    },
}

ODD = {
    "en": {
        "train": ["(Who|Why|Where|When|How) (is|are|was|did|does|do|has|will) {w}(?|)", "(Explain|Describe|Summarize|Define|Discuss) {w}(.|)", "(What is|What are|What does|Tell me about) {w}( mean|)(?|.|)", "(Write|Give me|Make) (a poem|an essay|a story|a list|a recipe|some advice) (about|for|on) {w}(.|)", "(Should I|Can I|May I|Do you) {w}(?|)", "{w}(?|.|)", "(Is|Are) {w}(?|)"],
        "held_out": ["Who invented {w}?", "Please write something about {w}.", "Why would anyone like {w}?", "Give your opinion on {w}."],
    },
    "zh": {
        "train": ["(谁|为什么|怎么|何时|哪里)(是|有|做|去){w}(？|)", "(解释|介绍|说说|描述)(一下|){w}(。|)", "(什么是|怎样才能){w}(？|)", "写(一首|一篇)关于{w}的(诗|文章|故事)(。|)", "{w}(？|。|)"],
        "held_out": ["请谈谈{w}。", "{w}为什么重要？", "是谁发明了{w}？"],
    },
}  # fmt: skip


def _plain(
    c: Context, user: str, thought: str, answer: str, expect: str, family: str = "no_tool"
) -> Dialogue:
    return Dialogue(family, c.language, (Turn(user, (Step(thought, answer),), (expect,)),))


def no_tool(c: Context) -> Dialogue:
    """Greetings, questions about the model, a few facts, an echo, and what it cannot know."""
    thought = c.pick("This needs no tool.", "这不需要工具。")
    roll = c.rng.random()
    if roll < 0.2:
        place = c.rng.choice([p for p in PLACES if p.capital and p.en != p.country_en])
        user = c.say(CAPITAL, c=place.country(c.language))
        answer = c.pick(
            f"The capital of {place.country_en} is {place.en}.",
            f"{place.country_zh}的首都是{place.zh}。",
        )
        return _plain(c, user, thought, answer, place.name(c.language))
    if roll < 0.32:
        text = pages.title(c.rng, c.split, c.language)
        return _plain(c, c.say(REPEAT, w=text), thought, text, text)
    if roll < 0.5:
        subject = c.pick(
            pages.english(c.rng, c.split, c.rng.randint(1, 7)),
            pages.chinese(c.rng, c.rng.randint(2, 8)),
        )
        answer = c.pick(UNKNOWN_EN, UNKNOWN_ZH)
        return _plain(c, c.say(ODD, w=subject), thought, answer, c.pick("do not know", "不知道"))
    train, held_out, answer, expect = c.rng.choice(TALK[c.language])
    user = expand(c.rng.choice(train if c.split == "train" else held_out), c.rng)
    if c.split == "train":
        user = wordings.noise(c.language, c.split, c.rng) + user
    if c.rng.random() < 0.15:
        user = user.lower()
    return _plain(c, user, thought, answer, expect)


def missing_tool(c: Context) -> Dialogue:
    """A question for which the list has no tool."""
    thought = c.pick("None of my tools can do this.", "没有工具能做这件事。")
    wants = []
    if "get_current_time" not in c.tools.names:
        wants.append(
            (c.say(wordings.TIME, p=pick_place(c).name(c.language)), "look up the time", "查询时间")
        )
    if "fetch" not in c.tools.names:
        wants.append((c.say(wordings.TITLE, u=c.url()), "fetch web pages", "获取网页"))
    if "code_interpreter" not in c.tools.names:
        n = Numbers(c.rng, c.split)
        wants.append((c.say(wordings.MATH, e=f"{n.any()} * {n.any()}"), "compute", "计算"))
    if not wants:
        return no_tool(c)
    user, en, zh = c.rng.choice(wants)
    answer = c.pick(
        f"I could not do that: I have no tool to {en}.", f"无法完成：我没有可以{zh}的工具。"
    )
    return _plain(c, user, thought, answer, FAILURE[c.language], "missing_tool")


NAMES = "Anna Ben Carla David Emma Felix Grace Hugo Ida Jack Karl Lena Maria Noah Olga Paul Rosa Sam Tina Uwe Vera Wang Li Zhang Chen".split()
CURRENCIES = "EUR USD JPY CNY GBP CHF AUD CAD INR KRW SEK NOK DKK PLN BRL MXN ZAR SGD HKD THB TRY AAPL MSFT TSLA NVDA AMZN GOOG".split()
LANGUAGES = {
    "en": "French German Spanish Chinese Japanese Italian Russian".split(),
    "zh": "法语 德语 西班牙语 英语 日语 俄语".split(),
}
WORDS = (
    "sunny cloudy shipped delivered pending rain snow windy clear delayed cancelled packed".split()
)


def value(c: Context, kind: str) -> object:
    """A random value of a kind that `CustomTool` names."""
    rng, n = c.rng, Numbers(c.rng, c.split)
    match kind:
        case "int":
            return n.of(2, rng.choice((20, 100, 9999)))
        case "number":
            return round(rng.uniform(0.1, 900), rng.choice((1, 2, 4)))
        case "city":
            return pick_place(c).name(c.language)
        case "country":
            place = pick_place(c)
            return place.country(c.language)
        case "currency":
            return rng.choice(CURRENCIES)
        case "code":
            return f"{rng.choice('ABCDEFGHKX')}{rng.choice(('', '-'))}{rng.randint(100, 99999)}"
        case "name":
            return rng.choice((rng.choice(NAMES), word(n).capitalize()))
        case "clock":
            return spoken_time(c)[1]
        case "language":
            return rng.choice(LANGUAGES[c.language])
        case "path":
            return f"{rng.choice(('', '/data/', 'docs/'))}{pages.made_up(rng, c.split)}.{rng.choice(('txt', 'md', 'csv'))}"
        case _:
            text = pages.english(rng, c.split, rng.randint(1, 5))
            return (
                pages.chinese(rng, rng.randint(2, 8))
                if c.language == "zh" and rng.random() < 0.6
                else text
            )


def custom(c: Context) -> Dialogue:
    """A made-up tool, asked for by what it does."""
    tool: CustomTool = c.rng.choice(c.tools.custom)
    arguments = {key: value(c, kind) for key, kind in tool.arguments.items()}
    shown = {key: str(v) for key, v in arguments.items()}
    user = c.say(
        {
            c.language: {
                "train": list(tool.questions[c.language]),
                "held_out": list(tool.questions[c.language]),
            }
        },
        **shown,
    )
    result = tool.result.format(
        word=c.rng.choice(WORDS),
        int=value(c, "int"),
        number=value(c, "number"),
        phrase=value(c, "phrase"),
        name=value(c, "name"),
    )
    answer = tool.answer[c.language].format(result=result, **shown)
    name = c.tools.names[tool.name]
    call = Call(name, arguments, result)
    if c.rng.random() < 0.12:
        reason = c.rng.choice(
            (
                "not found",
                "service unavailable",
                "permission denied",
                "timed out",
                "rate limit exceeded",
            )
        )
        call = Call(name, arguments, reason, is_error=True)
        answer = c.pick(f"I could not do that: {reason}.", f"无法完成：{reason}。")
    elif c.rng.random() < 0.1:
        call = Call(name, arguments, json.dumps({"result": result}, ensure_ascii=False))
    steps = (
        Step(c.pick("I have a tool for this.", "有工具可以做到。"), calls=(call,)),
        Step(c.pick("I have the result.", "结果有了。"), answer),
    )
    return Dialogue("custom", c.language, (Turn(user, steps, (result,)),))
