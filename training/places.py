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
*+Beijing|北京|Asia/Shanghai|China|中国
+Shanghai|上海|Asia/Shanghai|China|中国
+Shenzhen|深圳|Asia/Shanghai|China|中国
+Guangzhou|广州|Asia/Shanghai|China|中国
+Chengdu|成都|Asia/Shanghai|China|中国
+Hangzhou|杭州|Asia/Shanghai|China|中国
+Wuhan|武汉|Asia/Shanghai|China|中国
Hong Kong|香港|Asia/Hong_Kong|China|中国
Taipei|台北|Asia/Taipei|China|中国
*+Seoul|首尔|Asia/Seoul|South Korea|韩国
*+Singapore|新加坡|Asia/Singapore|Singapore|新加坡
*+Bangkok|曼谷|Asia/Bangkok|Thailand|泰国
*+Hanoi|河内|Asia/Ho_Chi_Minh|Vietnam|越南
+Ho Chi Minh City|胡志明市|Asia/Ho_Chi_Minh|Vietnam|越南
*+Manila|马尼拉|Asia/Manila|the Philippines|菲律宾
*Jakarta|雅加达|Asia/Jakarta|Indonesia|印度尼西亚
*+Kuala Lumpur|吉隆坡|Asia/Kuala_Lumpur|Malaysia|马来西亚
*+Phnom Penh|金边|Asia/Phnom_Penh|Cambodia|柬埔寨
*+New Delhi|新德里|Asia/Kolkata|India|印度
+Mumbai|孟买|Asia/Kolkata|India|印度
+Delhi|德里|Asia/Kolkata|India|印度
*+Kathmandu|加德满都|Asia/Kathmandu|Nepal|尼泊尔
*+Dhaka|达卡|Asia/Dhaka|Bangladesh|孟加拉国
*+Islamabad|伊斯兰堡|Asia/Karachi|Pakistan|巴基斯坦
+Karachi|卡拉奇|Asia/Karachi|Pakistan|巴基斯坦
*+Tehran|德黑兰|Asia/Tehran|Iran|伊朗
*+Baghdad|巴格达|Asia/Baghdad|Iraq|伊拉克
*+Riyadh|利雅得|Asia/Riyadh|Saudi Arabia|沙特阿拉伯
+Dubai|迪拜|Asia/Dubai|the United Arab Emirates|阿联酋
*+Abu Dhabi|阿布扎比|Asia/Dubai|the United Arab Emirates|阿联酋
*+Doha|多哈|Asia/Qatar|Qatar|卡塔尔
*+Kuwait City|科威特城|Asia/Kuwait|Kuwait|科威特
*+Jerusalem|耶路撒冷|Asia/Jerusalem|Israel|以色列
+Tel Aviv|特拉维夫|Asia/Jerusalem|Israel|以色列
*+Beirut|贝鲁特|Asia/Beirut|Lebanon|黎巴嫩
*Ulaanbaatar|乌兰巴托|Asia/Ulaanbaatar|Mongolia|蒙古
*+London|伦敦|Europe/London|the United Kingdom|英国
+Manchester|曼彻斯特|Europe/London|the United Kingdom|英国
+Edinburgh|爱丁堡|Europe/London|the United Kingdom|英国
*+Dublin|都柏林|Europe/Dublin|Ireland|爱尔兰
*+Paris|巴黎|Europe/Paris|France|法国
*+Berlin|柏林|Europe/Berlin|Germany|德国
+Munich|慕尼黑|Europe/Berlin|Germany|德国
+Frankfurt|法兰克福|Europe/Berlin|Germany|德国
+Hamburg|汉堡|Europe/Berlin|Germany|德国
*+Madrid|马德里|Europe/Madrid|Spain|西班牙
+Barcelona|巴塞罗那|Europe/Madrid|Spain|西班牙
*+Lisbon|里斯本|Europe/Lisbon|Portugal|葡萄牙
*+Rome|罗马|Europe/Rome|Italy|意大利
+Milan|米兰|Europe/Rome|Italy|意大利
+Venice|威尼斯|Europe/Rome|Italy|意大利
*+Vienna|维也纳|Europe/Vienna|Austria|奥地利
+Zurich|苏黎世|Europe/Zurich|Switzerland|瑞士
+Geneva|日内瓦|Europe/Zurich|Switzerland|瑞士
*+Amsterdam|阿姆斯特丹|Europe/Amsterdam|the Netherlands|荷兰
*+Brussels|布鲁塞尔|Europe/Brussels|Belgium|比利时
*+Copenhagen|哥本哈根|Europe/Copenhagen|Denmark|丹麦
*+Oslo|奥斯陆|Europe/Oslo|Norway|挪威
*+Stockholm|斯德哥尔摩|Europe/Stockholm|Sweden|瑞典
*+Helsinki|赫尔辛基|Europe/Helsinki|Finland|芬兰
*+Reykjavik|雷克雅未克|Atlantic/Reykjavik|Iceland|冰岛
*+Warsaw|华沙|Europe/Warsaw|Poland|波兰
*+Prague|布拉格|Europe/Prague|the Czech Republic|捷克
*+Budapest|布达佩斯|Europe/Budapest|Hungary|匈牙利
*+Bucharest|布加勒斯特|Europe/Bucharest|Romania|罗马尼亚
*+Sofia|索非亚|Europe/Sofia|Bulgaria|保加利亚
*+Athens|雅典|Europe/Athens|Greece|希腊
*+Belgrade|贝尔格莱德|Europe/Belgrade|Serbia|塞尔维亚
*+Zagreb|萨格勒布|Europe/Zagreb|Croatia|克罗地亚
*+Kyiv|基辅|Europe/Kyiv|Ukraine|乌克兰
*Moscow|莫斯科|Europe/Moscow|Russia|俄罗斯
Saint Petersburg|圣彼得堡|Europe/Moscow|Russia|俄罗斯
+Istanbul|伊斯坦布尔|Europe/Istanbul|Turkey|土耳其
New York|纽约|America/New_York|the United States|美国
*Washington|华盛顿|America/New_York|the United States|美国
Boston|波士顿|America/New_York|the United States|美国
Miami|迈阿密|America/New_York|the United States|美国
Atlanta|亚特兰大|America/New_York|the United States|美国
Chicago|芝加哥|America/Chicago|the United States|美国
Houston|休斯敦|America/Chicago|the United States|美国
Dallas|达拉斯|America/Chicago|the United States|美国
Denver|丹佛|America/Denver|the United States|美国
Phoenix|菲尼克斯|America/Phoenix|the United States|美国
Los Angeles|洛杉矶|America/Los_Angeles|the United States|美国
San Francisco|旧金山|America/Los_Angeles|the United States|美国
Seattle|西雅图|America/Los_Angeles|the United States|美国
Las Vegas|拉斯维加斯|America/Los_Angeles|the United States|美国
Honolulu|檀香山|Pacific/Honolulu|the United States|美国
Toronto|多伦多|America/Toronto|Canada|加拿大
*Ottawa|渥太华|America/Toronto|Canada|加拿大
Montreal|蒙特利尔|America/Toronto|Canada|加拿大
Vancouver|温哥华|America/Vancouver|Canada|加拿大
*Mexico City|墨西哥城|America/Mexico_City|Mexico|墨西哥
*+Havana|哈瓦那|America/Havana|Cuba|古巴
*+Bogota|波哥大|America/Bogota|Colombia|哥伦比亚
*+Caracas|加拉加斯|America/Caracas|Venezuela|委内瑞拉
*+Lima|利马|America/Lima|Peru|秘鲁
*Santiago|圣地亚哥|America/Santiago|Chile|智利
*+Buenos Aires|布宜诺斯艾利斯|America/Argentina/Buenos_Aires|Argentina|阿根廷
Sao Paulo|圣保罗|America/Sao_Paulo|Brazil|巴西
Rio de Janeiro|里约热内卢|America/Sao_Paulo|Brazil|巴西
*+Cairo|开罗|Africa/Cairo|Egypt|埃及
+Casablanca|卡萨布兰卡|Africa/Casablanca|Morocco|摩洛哥
+Lagos|拉各斯|Africa/Lagos|Nigeria|尼日利亚
*+Nairobi|内罗毕|Africa/Nairobi|Kenya|肯尼亚
*+Addis Ababa|亚的斯亚贝巴|Africa/Addis_Ababa|Ethiopia|埃塞俄比亚
+Johannesburg|约翰内斯堡|Africa/Johannesburg|South Africa|南非
+Cape Town|开普敦|Africa/Johannesburg|South Africa|南非
Sydney|悉尼|Australia/Sydney|Australia|澳大利亚
*Canberra|堪培拉|Australia/Sydney|Australia|澳大利亚
Melbourne|墨尔本|Australia/Melbourne|Australia|澳大利亚
Brisbane|布里斯班|Australia/Brisbane|Australia|澳大利亚
Perth|珀斯|Australia/Perth|Australia|澳大利亚
Adelaide|阿德莱德|Australia/Adelaide|Australia|澳大利亚
+Auckland|奥克兰|Pacific/Auckland|New Zealand|新西兰
*+Wellington|惠灵顿|Pacific/Auckland|New Zealand|新西兰
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
