"""How users say it: wordings by family and language, those of the evaluation kept apart.

`(a|b|)` stands for one of its alternatives and may be nested; `{name}` is filled by the family.
"""

from __future__ import annotations

import random
import re

from training import pages

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
    "greater cold warm historic modern crowded coastal rural royal "
    "colonial imperial neutral general tropical centre center capital certain cental ventral entire"
).split()
PLACE = {
    "en": {
        "train": (
            ["{city}"] * 10
            + ["{city}, {country}", "{city} city", "the city of {city}", "{city}, in {country}"]
            + ["downtown {city}", "beautiful {city}", "our {city} office", "the {city} office"]
            + ["{city} - {country}", "{country}'s {city}", "the {city} region", "old {city}"]
            + ["{how} {city}"] * 14
            + [
                "the {how} part of {city}",
                "{city}/{country}",
                "{city} [{country}]",
                "{city} of {country}",
            ]
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
        + [
            "{city}地区",
            "{country}，{city}",
            "{city}那个城市",
            "{city}市区",
            "{city}附近",
            "{city}城里",
        ]
        + ["{city}·{country}", "{city}[{country}]", "{city}/{country}", "{city}老城", "我们{city}"]
        + [
            "{city}{how}",
            "{how}的{city}",
            "{city}的{how}",
            "{city} - {country}",
            "{city}，{country}",
        ],
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
            "(What|Which) (hour|time) do (people|clocks|they) (in|over in) {p} have( now| at the moment|)(?|)",
            "(Kindly|Please) (tell|show|give) me (the present time|the hour|what time it is) (over |)in {p}(.|)",
            "(Please |Can you |Could you |)(check|find|get|fetch|look up) (me |)(what the clock says|the clock time|the hour|what time they have) (in|over in) {p}(.|?|)",
            "(Somebody|My mother|A friend|The boss) (wants|needs|would like) (to know |)(the time|the current time|what time it is) in {p}(.|;|)( what is it?| Can you check?|)",
            "(It is|It's|Is it) (already |still |)(tomorrow|today|Monday|late) in {p}(?|,) (what time is it|which time is it|what's the time)( there|)(?|)",
            "(Say|Announce|Report) the (time|current time|hour) (in|at|of) {p}(.|)",
            "(How late|What time) (do we have|do we write|is it getting) in {p}(?|)",
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
            "(能|可以|可否)(不能|)(告诉我|查查|看看|说说){p}(的|)(时间|当前时间|现在几点|现在是几点)(吗|呢|)(？|)",
            "(麻烦|劳烦)(您|你|)(查|看|说)(一下|下|)(，|){p}(现在|这时|)(的时间|几点|是几点)(。|？|)",
            "(此时|这个时候|这时候)({p}|在{p})(是|)(几点|什么时间|几点钟)(呀|呢|了|)(？|)",
            "(有人问|妈妈问|老板问)(我|)(，|：|){p}(现在|)(几点|是几点)(了|)(？|。|)",
            "{p}(那儿|那里|那头)(的钟|)(现在|)(几点|是几点|几点钟)(了|呢|)(？|)",
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
            "(Please |Can you |Could you |Kindly |)(say|show|work out|find out|figure out|explain|check) (me |)what {t} in {a} (would be|comes to|makes|corresponds to) in {b}(.|?|)",
            "(I want to know|I'd like to know|Let me know|I wonder|Do you know) what {t} in {a} is (over in|for|in) {b}(.|?|)",
            "(Tell|Show|Give) me what {t} (from |of |)({a}|{a} time) is (in|for|to) (somebody in |people in |)({b}|{b} time)(.|)",
            "(The|A|My|Our) (train|plane|party|deadline|interview|broadcast|exam|shop) (leaves|opens|ends|begins|is due) at {t} ({a} time|in {a})(.|;|,) (what|which) (time|hour) is (that|this|it) in {b}(?|)",
            "(Someone|My aunt|A colleague|The team) in {a} (calls|rings|wakes up|will be online) at {t}(.|;|,) (what time is that|when is that|how late is that|which time will it be) (here |)in {b}(?|)",
            "{t} in {a}(:|,| -) (what time|when|how late) (is that |is it |)in {b}(?|)",
            "(Given|With) {t} in {a}(,|) (what|which) (time|hour) (do they have|do clocks show|is it) in {b}(?|)",
            "(I am|I'm|We are) in {b}(.|,|;) (What|Which) time is it (here|for me|for us) when it is {t} in {a}(?|)",
            "(How|What) (would|do) you (express|write|say) {t} {a} time in {b} time(?|)",
            "(Convert|Change) (the time |){t} (from |of ){a} (into|to) (the time of |){b}(.||?| please)",
            "(When|At the moment when) clocks in {a} (show|read|say) {t}(,|) what do they (show|read|say) in {b}(?|)",
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
            "(麻烦|请|能否|帮我|)(算|算一下|看看|查一下|告诉我)(，|：|){a}(的|时间|){t}(在|是|到)(了|){b}(是|的|)(几点|什么时候|何时)(？|。|)",
            "(我想知道|想问问|请教)(，|：|){a}(那里|时间|){t}(，|时|)({b}|{b}那里)(是|会是|)(几点|几点钟|什么时间)(？|。|)",
            "(我在|我们在|人在){b}(，|。){a}(的|时间|){t}(是|对我来说是)(这里|我这边|)(的|)几点(？|)",
            "{a}(的|)(朋友|客户|同事)({t}|在{t})(上线|打来电话|下班|开会)(，|。){b}(这边|)(是|)(几点|什么时间)(？|)",
            "(从|由){a}(换算|换|转换)(到|成|为){b}(：|，|){t}(。||？)",
            "{t}，{a}(时间|)(，|。)({b}|{b}时间)(呢|是几点|是多少|几点)(？|)",
            "(设|若|要是|倘若){a}(为|是|到了){t}(，|，那么|，则){b}(是|为|)(几点|什么时间|几点几分)(？|)",
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
            "(Please |Kindly |)(take a look|look|have a glance) at {u}(,| and|;) (tell|give|show) me (the title|its title|the title there|the title of it)(.|?|)",
            "(Which|What) title (is|stands|do you find|do you see|can be read) (at|on|under|in) {u}(?|)",
            "(I want|I would like|I need|We want) (to know |to see |)(the title|the page title|the name of the page) (of|at|on) {u}(.|)",
            "(Open|Visit|Load|Go to) {u} (for me |)(and|then|:) (read|tell|say|what is) (me |us |)(the title|its title|the page's title)(.|?|)",
            "(The page|The site|My page|A page) {u} (has|carries|bears) (which|what) title(?|)",
            "(What|Which) (is the |)(page |)title (do|does|would) (you|one) (get|see|find) (at|from|on) {u}(?|)",
            "{u} (- title|: title|, title|title)(?| please|)",
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
            "(请|帮忙|能不能|可否|)(打开|抓|瞧瞧|读一下|访问) {u} (，|。|看)(标题|网页标题|页面标题|它的标题)(是什么|叫什么|写的什么|是啥)(？|。|)",
            "(我要|想要|我想看|想知道) {u} (的|这个网页的|页面的)标题(。|，谢谢。|)",
            "{u} (，|。|：)(标题|网页的标题|页面的标题)(呢|是什么|叫啥)(？|)",
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
            "(Kindly|Please|Would you) (tell me|say|show me|figure out|give me) (how much |what |the value of |the result of |){e}( is| makes|)(.|?|)",
            "(My|Our|The) (exercise|teacher|boss|son|report|exam) (wants|needs|asks for|wants to know) {e}(.|;|) (What is it|How much is it|Can you help)(?|)",
            "(I must|I have to|I need to|We need to) (know|compute|work out|find) {e}(.|)",
            "(Fast|Quickly|Hurry)(,|:) (what is|how much is|compute|give me) {e}(?|.|)",
            "(So |And |)(how much|what) (is|are|would be) {e}(, please|)(?|)",
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
            "(麻烦|劳驾|烦请)(算|计算|求)(一下|下|){e}(。|，谢谢。|等于多少。|是多少？|)",
            "(能不能|可以|能否|可否)(告诉我|算算|算出|求出){e}(等于几|是多少|得多少|等于多少|的值|)(吗|呢|)(？|)",
            "(题目|作业|老师)(要|问|要求)(，|：|)(算|求|){e}(，|。|)(是多少|等于多少|结果是什么|)(？|。|)",
            "{e}(，|：)(结果|答案|得数)(是|)(多少|几|什么)(？|呢？|)",
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
            "(I'd like|I would like|We need|Please give me|Can I have) (to know |)(the time|what time it is|the current time) (in|for) {a} and (also |)(the one |)(in|for) {b}(.|?|)",
            "(Can you|Could you|Please|Would you) (check|look up|find|say|show me) (what time it is|the time|the times|the local times) (in|for|of) {a} and (in |for |){b}(?|.|)",
            "(For|In) {a} and {b} (alike|both)(:|,) (what time is it|what's the time|tell me the time)(?|.|)",
            "(What|Which) time is it (now |)(in|at) {a}(,| and) (and |)(what|which) (time |)in {b}(?|)",
            "(My friends|My clients|The offices|Our teams) are in {a} and {b}(.|;|:) (What time is it|What's the time) (there|in both places)(?|)",
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
            "(我想|我要|帮我|请)(一起|一并|)(知道|看看|查查|查){a}(和|与|还有|以及|跟){b}(的|现在的|)(时间|几点)(。|？|)",
            "{a}(以及|连同|和){b}(，|)(此时|现在|这会儿|眼下)(都|各|分别|)(是|)几点(钟|了|)(？|呢？|)",
            "(朋友|同事|客户)(分别|)在{a}(和|与){b}(，|。)(两地|两边|那边)(现在|)(各|分别|都|)(是|)几点(？|)",
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
            "(Please |Can you |Could you |)(check|look at|visit|see|read) {a} and (also |){b}(.|:|;|,) (what|which) (are the titles|are both titles|titles do they have|titles are there)(?|)",
            "(I want|I'd like|We need|Give me) the (title|titles) of (both |){a} and (of |){b}(.|)",
            "(What is|Tell me) the title of {a}(, and| and) (what is the title of|that of|of) {b}(?|.|)",
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
            "(请|帮我|麻烦|)(看看|查查|读一下|访问) {a} (和|与|还有) {b} (，|。|：)(两个|这两个|两页)(网页|页面|)(的|)标题(各|分别|)(是什么|叫什么|是啥)(？|)",
            "{a} (和|与|以及) {b} (，|)(标题|题目)(分别|各|)(是|叫)什么(？|)",
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
            "(The page|A page|The file) {u} (has|shows|holds|contains) a (number|value)( on it| in it|)(.|;|:) (Fetch it|Get it|Open it|Take it)( and|, then| and then) {op}(.|)",
            "(Please |Kindly |)(fetch|download|retrieve|read) {u}(, then| and then|, after that) {op_it}(.|)",
            "(Get|Bring|Fetch) (me |us |)the (number|value|figure) (of|from|on) {u}(;|,|.) (then |and then |){op}(.|)",
            "(Can|Could|Would) you (read|fetch|get|load|visit) {u}( and|, then| and then) {op_it}(?|)",
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
            "(先|请先|)(读|读取|看看|打开) {u} (上面的|里面的|页面里的|中的)(数字|数|数值)(，|。)(再|然后|之后|接着)(把它|将它|){op}(，|)(结果|得数|)(是多少|等于多少|是几|)(？|。)",
            "(麻烦|帮我|)(把|将) {u} (页面|网页|文件|)(里|上|中)(面|)的(数字|数|数值){op}(。|，结果是多少？|，等于几？|)",
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
            "(And |Now |)(what's the time|what time is it|how late is it) (in|over in) {p}(?|)",
            "(Thanks|Good|Fine)(!|.|,) (What about|How about|And what about|Now) {p}(?|, please|)",
            "(And also|Then|And then) (in |for |){p}(, please|, too|)(.|?|)",
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
            "(那|那么|)(，|){p}(那边|那里|)(是|)(几点|什么时间|呢)(？|)",
            "(懂|知道|好|了解)(了|)(，|。){p}(那边|呢|又是几点|是几点)(呢|)(？|)",
        ],
        "held_out": ["那{p}又是几点？", "明白了，{p}那边呢？", "{p}的呢？"],
    },
}

FOLLOW_MATH = {
    "en": {
        "train": [
            "(And|Now|Then|and now|OK, now|Next,|) {op_that}(.|?|)",
            "(And |What is that |What's that |And that |)({op_noun})(?|.|)",
            "(Good|Fine|Nice|Thanks|OK)(.|!|,) (Now|Then|Next|Please|Now please) {op_that}(.|)",
            "(And |)(what|how much) (is it|do we get|would it be|comes out) (if|when) (you|we|I) {op_that}(?|)",
            "(Please |Kindly |){op_that}( as well| now| too|)(.|)",
            "(Thanks|Good|Fine|OK|Perfect|Super|Right|Cheers|Nice)(.|!|,) (And |){op_that}( also| as well| once more|, please|)(.|?|)",
            "(Lovely|Wonderful|Alright|Perfect|Super|Very good)(.|!|,) (And now|So now|Please|Now|Then please) {op_that}(.|)",
            "(And |So |)(which number|what value|what number) (do you|do we|does one) (get|have|see) (if|when) (you|we|they) {op_that}(?|)",
            "(What|Which) (happens|results|comes out) (if|when) (you|I|we) {op_that}(?|)",
        ],
        "held_out": [
            "Great. Now please {op_that}.",
            "And what do you get if you {op_that}?",
            "Thanks! {op_that} too.",
        ],
    },
    "zh": {
        "train": [
            "(那|那么|再|然后|现在|)(把它|把结果|将结果|结果|){op}(呢|是多少|等于多少|得多少|)(？|。|)",
            "(好的|不错|谢谢)(，|。|！)(接着|接下来|然后|请|再)(把它|将它|把结果|将结果|){op}(，是多少？|。|)",
            "(要是|如果|若)(把它|将它|再|){op}(，|)(呢|是几|得多少|等于多少|会是多少)(？|)",
            "(行|对|嗯|可以|很好|明白了)(，|。|！)(再|现在|下面|然后|请)(把结果|将结果|把得数|把它|){op}(呢|吧|)(。|？|)",
            "(结果|得数|这个数|它)(再|又|然后|){op}(会是多少|是多少|呢|等于几)(？|)",
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
        "train": ["Hi! ", "Hello, ", "Hey, ", "Please: ", "Good morning. ", "Excuse me, ", "Question: ", "Quick one: ", "I'm planning a trip. ", "I am in a hurry. ", "A quick question. ", "I have a problem. ", "I need help. ", "Hi there. ", "Just wondering: ", "For my friend: ", "For work: ", "By the way, ", "Sorry to bother you. ", "One more thing: ", "My boss wants to know: ", "So, ", "Well, ", "OK. ", "Dear assistant, ", "For my report: ", "Um, ", "Tell me, "],
        "held_out": ["Hello there! ", "I have a question. ", "Just curious: ", "For a friend: "],
    },
    "zh": {
        "train": ["你好，", "您好！", "请问，", "问一下：", "我赶时间。", "打扰了，", "嗨，", "帮个忙，", "老板想知道，", "早上好，", "那个，", "对了，", "我有个问题：", "你好呀，", "请帮忙，", "麻烦你，", "想请教，", "朋友问，"],
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
    return (noise(language, split, rng) + words_only).strip()


def noise(language: str, split: Split, rng: random.Random) -> str:
    """What a user may say before the question. In training often any words at all: they mean nothing."""
    if split == "train" and rng.random() < 0.15:
        if language == "en":
            words = pages.english(rng, split, rng.randint(1, 4)).capitalize()
            return words + rng.choice((", ", ". ", "! ", ": ", "; "))
        return pages.chinese(rng, rng.randint(1, 4)) + rng.choice("，。！：")
    return rng.choice(NOISE[language][split]) if rng.random() < 0.15 else ""
