"""Places the demo model knows: English name, Chinese name, IANA zone, country in both languages.

A star marks a capital; a plus says that the country lies in one time zone, so that its name alone
asks a sensible question.
"""

from __future__ import annotations

from dataclasses import dataclass

TABLE = """
*+Tokyo|东京|Asia/Tokyo|Japan|日本
+Osaka|大阪|Asia/Tokyo|Japan|日本
+Kyoto|京都|Asia/Tokyo|Japan|日本
+Sapporo|札幌|Asia/Tokyo|Japan|日本
+Fukuoka|福冈|Asia/Tokyo|Japan|日本
+Nagoya|名古屋|Asia/Tokyo|Japan|日本
*+Beijing|北京|Asia/Shanghai|China|中国
+Shanghai|上海|Asia/Shanghai|China|中国
+Shenzhen|深圳|Asia/Shanghai|China|中国
+Guangzhou|广州|Asia/Shanghai|China|中国
+Chengdu|成都|Asia/Shanghai|China|中国
+Hangzhou|杭州|Asia/Shanghai|China|中国
+Wuhan|武汉|Asia/Shanghai|China|中国
+Nanjing|南京|Asia/Shanghai|China|中国
+Xi'an|西安|Asia/Shanghai|China|中国
+Chongqing|重庆|Asia/Shanghai|China|中国
+Tianjin|天津|Asia/Shanghai|China|中国
Hong Kong|香港|Asia/Hong_Kong|China|中国
Macau|澳门|Asia/Macau|China|中国
Urumqi|乌鲁木齐|Asia/Urumqi|China|中国
Taipei|台北|Asia/Taipei|China|中国
*+Seoul|首尔|Asia/Seoul|South Korea|韩国
+Busan|釜山|Asia/Seoul|South Korea|韩国
*+Pyongyang|平壤|Asia/Pyongyang|North Korea|朝鲜
*+Singapore|新加坡|Asia/Singapore|Singapore|新加坡
*+Bangkok|曼谷|Asia/Bangkok|Thailand|泰国
+Phuket|普吉岛|Asia/Bangkok|Thailand|泰国
*+Hanoi|河内|Asia/Ho_Chi_Minh|Vietnam|越南
+Ho Chi Minh City|胡志明市|Asia/Ho_Chi_Minh|Vietnam|越南
*+Manila|马尼拉|Asia/Manila|the Philippines|菲律宾
*Jakarta|雅加达|Asia/Jakarta|Indonesia|印度尼西亚
Bali|巴厘岛|Asia/Makassar|Indonesia|印度尼西亚
*+Kuala Lumpur|吉隆坡|Asia/Kuala_Lumpur|Malaysia|马来西亚
*+Phnom Penh|金边|Asia/Phnom_Penh|Cambodia|柬埔寨
*+Vientiane|万象|Asia/Vientiane|Laos|老挝
+Yangon|仰光|Asia/Yangon|Myanmar|缅甸
*+New Delhi|新德里|Asia/Kolkata|India|印度
+Mumbai|孟买|Asia/Kolkata|India|印度
+Kolkata|加尔各答|Asia/Kolkata|India|印度
+Bangalore|班加罗尔|Asia/Kolkata|India|印度
+Chennai|金奈|Asia/Kolkata|India|印度
+Delhi|德里|Asia/Kolkata|India|印度
*+Kathmandu|加德满都|Asia/Kathmandu|Nepal|尼泊尔
*+Dhaka|达卡|Asia/Dhaka|Bangladesh|孟加拉国
*+Colombo|科伦坡|Asia/Colombo|Sri Lanka|斯里兰卡
*+Islamabad|伊斯兰堡|Asia/Karachi|Pakistan|巴基斯坦
+Karachi|卡拉奇|Asia/Karachi|Pakistan|巴基斯坦
+Lahore|拉合尔|Asia/Karachi|Pakistan|巴基斯坦
*+Kabul|喀布尔|Asia/Kabul|Afghanistan|阿富汗
*+Tehran|德黑兰|Asia/Tehran|Iran|伊朗
*+Baghdad|巴格达|Asia/Baghdad|Iraq|伊拉克
*+Riyadh|利雅得|Asia/Riyadh|Saudi Arabia|沙特阿拉伯
+Dubai|迪拜|Asia/Dubai|the United Arab Emirates|阿联酋
*+Abu Dhabi|阿布扎比|Asia/Dubai|the United Arab Emirates|阿联酋
*+Doha|多哈|Asia/Qatar|Qatar|卡塔尔
*+Kuwait City|科威特城|Asia/Kuwait|Kuwait|科威特
*+Muscat|马斯喀特|Asia/Muscat|Oman|阿曼
*+Jerusalem|耶路撒冷|Asia/Jerusalem|Israel|以色列
+Tel Aviv|特拉维夫|Asia/Jerusalem|Israel|以色列
*+Amman|安曼|Asia/Amman|Jordan|约旦
*+Beirut|贝鲁特|Asia/Beirut|Lebanon|黎巴嫩
*+Damascus|大马士革|Asia/Damascus|Syria|叙利亚
*+Tbilisi|第比利斯|Asia/Tbilisi|Georgia|格鲁吉亚
*+Baku|巴库|Asia/Baku|Azerbaijan|阿塞拜疆
*+Yerevan|埃里温|Asia/Yerevan|Armenia|亚美尼亚
*+Tashkent|塔什干|Asia/Tashkent|Uzbekistan|乌兹别克斯坦
Almaty|阿拉木图|Asia/Almaty|Kazakhstan|哈萨克斯坦
*Ulaanbaatar|乌兰巴托|Asia/Ulaanbaatar|Mongolia|蒙古
*+London|伦敦|Europe/London|the United Kingdom|英国
+Manchester|曼彻斯特|Europe/London|the United Kingdom|英国
+Edinburgh|爱丁堡|Europe/London|the United Kingdom|英国
+Liverpool|利物浦|Europe/London|the United Kingdom|英国
+Birmingham|伯明翰|Europe/London|the United Kingdom|英国
*+Dublin|都柏林|Europe/Dublin|Ireland|爱尔兰
*+Paris|巴黎|Europe/Paris|France|法国
+Lyon|里昂|Europe/Paris|France|法国
+Marseille|马赛|Europe/Paris|France|法国
+Nice|尼斯|Europe/Paris|France|法国
*+Berlin|柏林|Europe/Berlin|Germany|德国
+Munich|慕尼黑|Europe/Berlin|Germany|德国
+Frankfurt|法兰克福|Europe/Berlin|Germany|德国
+Hamburg|汉堡|Europe/Berlin|Germany|德国
+Cologne|科隆|Europe/Berlin|Germany|德国
*+Madrid|马德里|Europe/Madrid|Spain|西班牙
+Barcelona|巴塞罗那|Europe/Madrid|Spain|西班牙
+Seville|塞维利亚|Europe/Madrid|Spain|西班牙
*+Lisbon|里斯本|Europe/Lisbon|Portugal|葡萄牙
+Porto|波尔图|Europe/Lisbon|Portugal|葡萄牙
*+Rome|罗马|Europe/Rome|Italy|意大利
+Milan|米兰|Europe/Rome|Italy|意大利
+Venice|威尼斯|Europe/Rome|Italy|意大利
+Florence|佛罗伦萨|Europe/Rome|Italy|意大利
+Naples|那不勒斯|Europe/Rome|Italy|意大利
*+Vienna|维也纳|Europe/Vienna|Austria|奥地利
+Zurich|苏黎世|Europe/Zurich|Switzerland|瑞士
+Geneva|日内瓦|Europe/Zurich|Switzerland|瑞士
*+Bern|伯尔尼|Europe/Zurich|Switzerland|瑞士
*+Amsterdam|阿姆斯特丹|Europe/Amsterdam|the Netherlands|荷兰
+Rotterdam|鹿特丹|Europe/Amsterdam|the Netherlands|荷兰
*+Brussels|布鲁塞尔|Europe/Brussels|Belgium|比利时
*+Luxembourg|卢森堡|Europe/Luxembourg|Luxembourg|卢森堡
*+Copenhagen|哥本哈根|Europe/Copenhagen|Denmark|丹麦
*+Oslo|奥斯陆|Europe/Oslo|Norway|挪威
*+Stockholm|斯德哥尔摩|Europe/Stockholm|Sweden|瑞典
*+Helsinki|赫尔辛基|Europe/Helsinki|Finland|芬兰
*+Reykjavik|雷克雅未克|Atlantic/Reykjavik|Iceland|冰岛
*+Warsaw|华沙|Europe/Warsaw|Poland|波兰
+Krakow|克拉科夫|Europe/Warsaw|Poland|波兰
*+Prague|布拉格|Europe/Prague|the Czech Republic|捷克
*+Bratislava|布拉迪斯拉发|Europe/Bratislava|Slovakia|斯洛伐克
*+Budapest|布达佩斯|Europe/Budapest|Hungary|匈牙利
*+Bucharest|布加勒斯特|Europe/Bucharest|Romania|罗马尼亚
*+Sofia|索非亚|Europe/Sofia|Bulgaria|保加利亚
*+Athens|雅典|Europe/Athens|Greece|希腊
*+Belgrade|贝尔格莱德|Europe/Belgrade|Serbia|塞尔维亚
*+Zagreb|萨格勒布|Europe/Zagreb|Croatia|克罗地亚
*+Ljubljana|卢布尔雅那|Europe/Ljubljana|Slovenia|斯洛文尼亚
*+Sarajevo|萨拉热窝|Europe/Sarajevo|Bosnia|波黑
*+Tirana|地拉那|Europe/Tirane|Albania|阿尔巴尼亚
*+Kyiv|基辅|Europe/Kyiv|Ukraine|乌克兰
*+Minsk|明斯克|Europe/Minsk|Belarus|白俄罗斯
*+Vilnius|维尔纽斯|Europe/Vilnius|Lithuania|立陶宛
*+Riga|里加|Europe/Riga|Latvia|拉脱维亚
*+Tallinn|塔林|Europe/Tallinn|Estonia|爱沙尼亚
*Moscow|莫斯科|Europe/Moscow|Russia|俄罗斯
Saint Petersburg|圣彼得堡|Europe/Moscow|Russia|俄罗斯
Vladivostok|符拉迪沃斯托克|Asia/Vladivostok|Russia|俄罗斯
Novosibirsk|新西伯利亚|Asia/Novosibirsk|Russia|俄罗斯
+Istanbul|伊斯坦布尔|Europe/Istanbul|Turkey|土耳其
*+Ankara|安卡拉|Europe/Istanbul|Turkey|土耳其
*+Monaco|摩纳哥|Europe/Monaco|Monaco|摩纳哥
*+Valletta|瓦莱塔|Europe/Malta|Malta|马耳他
*+Nicosia|尼科西亚|Asia/Nicosia|Cyprus|塞浦路斯
New York|纽约|America/New_York|the United States|美国
*Washington|华盛顿|America/New_York|the United States|美国
Boston|波士顿|America/New_York|the United States|美国
Miami|迈阿密|America/New_York|the United States|美国
Atlanta|亚特兰大|America/New_York|the United States|美国
Philadelphia|费城|America/New_York|the United States|美国
Detroit|底特律|America/Detroit|the United States|美国
Chicago|芝加哥|America/Chicago|the United States|美国
Houston|休斯敦|America/Chicago|the United States|美国
Dallas|达拉斯|America/Chicago|the United States|美国
Austin|奥斯汀|America/Chicago|the United States|美国
New Orleans|新奥尔良|America/Chicago|the United States|美国
Denver|丹佛|America/Denver|the United States|美国
Salt Lake City|盐湖城|America/Denver|the United States|美国
Phoenix|菲尼克斯|America/Phoenix|the United States|美国
Los Angeles|洛杉矶|America/Los_Angeles|the United States|美国
San Francisco|旧金山|America/Los_Angeles|the United States|美国
Seattle|西雅图|America/Los_Angeles|the United States|美国
San Diego|圣迭戈|America/Los_Angeles|the United States|美国
Las Vegas|拉斯维加斯|America/Los_Angeles|the United States|美国
Portland|波特兰|America/Los_Angeles|the United States|美国
Anchorage|安克雷奇|America/Anchorage|the United States|美国
Honolulu|檀香山|Pacific/Honolulu|the United States|美国
Toronto|多伦多|America/Toronto|Canada|加拿大
*Ottawa|渥太华|America/Toronto|Canada|加拿大
Montreal|蒙特利尔|America/Toronto|Canada|加拿大
Vancouver|温哥华|America/Vancouver|Canada|加拿大
Calgary|卡尔加里|America/Edmonton|Canada|加拿大
Winnipeg|温尼伯|America/Winnipeg|Canada|加拿大
Halifax|哈利法克斯|America/Halifax|Canada|加拿大
*Mexico City|墨西哥城|America/Mexico_City|Mexico|墨西哥
Cancun|坎昆|America/Cancun|Mexico|墨西哥
*+Havana|哈瓦那|America/Havana|Cuba|古巴
*+Kingston|金斯敦|America/Jamaica|Jamaica|牙买加
*+Panama City|巴拿马城|America/Panama|Panama|巴拿马
*+San Jose|圣何塞|America/Costa_Rica|Costa Rica|哥斯达黎加
*+Guatemala City|危地马拉城|America/Guatemala|Guatemala|危地马拉
*+Bogota|波哥大|America/Bogota|Colombia|哥伦比亚
*+Caracas|加拉加斯|America/Caracas|Venezuela|委内瑞拉
*+Quito|基多|America/Guayaquil|Ecuador|厄瓜多尔
*+Lima|利马|America/Lima|Peru|秘鲁
*+La Paz|拉巴斯|America/La_Paz|Bolivia|玻利维亚
*Santiago|圣地亚哥|America/Santiago|Chile|智利
*+Buenos Aires|布宜诺斯艾利斯|America/Argentina/Buenos_Aires|Argentina|阿根廷
*+Montevideo|蒙得维的亚|America/Montevideo|Uruguay|乌拉圭
*+Asuncion|亚松森|America/Asuncion|Paraguay|巴拉圭
Sao Paulo|圣保罗|America/Sao_Paulo|Brazil|巴西
Rio de Janeiro|里约热内卢|America/Sao_Paulo|Brazil|巴西
*Brasilia|巴西利亚|America/Sao_Paulo|Brazil|巴西
*+Cairo|开罗|Africa/Cairo|Egypt|埃及
+Alexandria|亚历山大|Africa/Cairo|Egypt|埃及
+Casablanca|卡萨布兰卡|Africa/Casablanca|Morocco|摩洛哥
*+Rabat|拉巴特|Africa/Casablanca|Morocco|摩洛哥
*+Algiers|阿尔及尔|Africa/Algiers|Algeria|阿尔及利亚
*+Tunis|突尼斯市|Africa/Tunis|Tunisia|突尼斯
*+Tripoli|的黎波里|Africa/Tripoli|Libya|利比亚
+Lagos|拉各斯|Africa/Lagos|Nigeria|尼日利亚
*+Abuja|阿布贾|Africa/Lagos|Nigeria|尼日利亚
*+Accra|阿克拉|Africa/Accra|Ghana|加纳
*+Dakar|达喀尔|Africa/Dakar|Senegal|塞内加尔
*+Nairobi|内罗毕|Africa/Nairobi|Kenya|肯尼亚
*+Addis Ababa|亚的斯亚贝巴|Africa/Addis_Ababa|Ethiopia|埃塞俄比亚
*+Kampala|坎帕拉|Africa/Kampala|Uganda|乌干达
*+Kigali|基加利|Africa/Kigali|Rwanda|卢旺达
*+Khartoum|喀土穆|Africa/Khartoum|Sudan|苏丹
+Johannesburg|约翰内斯堡|Africa/Johannesburg|South Africa|南非
+Cape Town|开普敦|Africa/Johannesburg|South Africa|南非
*+Pretoria|比勒陀利亚|Africa/Johannesburg|South Africa|南非
*+Harare|哈拉雷|Africa/Harare|Zimbabwe|津巴布韦
*+Lusaka|卢萨卡|Africa/Lusaka|Zambia|赞比亚
*+Luanda|罗安达|Africa/Luanda|Angola|安哥拉
*+Maputo|马普托|Africa/Maputo|Mozambique|莫桑比克
*+Windhoek|温得和克|Africa/Windhoek|Namibia|纳米比亚
Sydney|悉尼|Australia/Sydney|Australia|澳大利亚
*Canberra|堪培拉|Australia/Sydney|Australia|澳大利亚
Melbourne|墨尔本|Australia/Melbourne|Australia|澳大利亚
Brisbane|布里斯班|Australia/Brisbane|Australia|澳大利亚
Perth|珀斯|Australia/Perth|Australia|澳大利亚
Adelaide|阿德莱德|Australia/Adelaide|Australia|澳大利亚
Darwin|达尔文|Australia/Darwin|Australia|澳大利亚
Hobart|霍巴特|Australia/Hobart|Australia|澳大利亚
+Auckland|奥克兰|Pacific/Auckland|New Zealand|新西兰
*+Wellington|惠灵顿|Pacific/Auckland|New Zealand|新西兰
+Christchurch|基督城|Pacific/Auckland|New Zealand|新西兰
*+Suva|苏瓦|Pacific/Fiji|Fiji|斐济
*+Port Moresby|莫尔兹比港|Pacific/Port_Moresby|Papua New Guinea|巴布亚新几内亚
"""

# Names of nothing that has a clock: asking for them must end in the server's error.
NOWHERE = {
    "train": (
        "Narnia Gotham Mordor Hogwarts Wakanda Camelot Asgard Rivendell Metropolis Zootopia Arrakis "
        "Tatooine Gondor Lilliput Utopia Oz Neverland Pandora Springfieldia Winterfell"
    ).split(),
    "held_out": "Atlantis Brigadoon Erewhon Krypton Naboo Shangrila Valhalla Xanadu Lothlorien".split(),
}


@dataclass(frozen=True, slots=True)
class Place:
    """A place with a clock."""

    en: str
    zh: str
    zone: str
    country_en: str
    country_zh: str
    capital: bool
    one_zone: bool

    def name(self, language: str) -> str:
        return self.en if language == "en" else self.zh

    def country(self, language: str) -> str:
        return self.country_en if language == "en" else self.country_zh


def _parse(line: str) -> Place:
    name, zh, zone, country_en, country_zh = line.split("|")
    en = name.lstrip("*+")
    return Place(en, zh, zone, country_en, country_zh, "*" in name, "+" in name)


PLACES = tuple(_parse(line) for line in TABLE.split("\n") if line)
ZONES = tuple(sorted({place.zone for place in PLACES}))
