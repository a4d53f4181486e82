"""How likely a text is Chinese as offices write it: frequent letters, our own words, and what no sender writes."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from geosys.content import content_root

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

# Natural logarithms of the share a letter has in the texts of offices: a rough count is enough, because the right and
# the wrong reading of the same bytes differ by several units a letter.
_ASCII, _FREQUENT, _SIGN, _COMMON, _KNOWN, _RARE, _FOREIGN, _ODD = -4.0, -7.4, -8.5, -10.5, -12.5, -14.0, -11.0, -25.0
_LATIN_IN_WORD, _LATIN_ALONE = -5.5, -10.0
_GLUED = -3.0  # an ideograph that touches a small Latin letter: Café read as 茅
_WORD = -9.4  # one of some 3,000 words of our own
_LONGEST_WORD = 8
_LEVEL_1_GB = range(0xB0, 0xD8)
_LEVEL_1_BIG5 = range(0xA4, 0xC7)
_CONTROLS = "\t\r\n\f\v"

_LETTERS = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等部度家"
    "电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看"
    "原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路"
    "级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取完举色权节处队南给达号六参北林八七东亚广市州县乡镇村街道办事处省河湖"
    "江沟渠塘池溪港湾岛海洋沙石桥城郊庄店铺寨营屯堡坡岭峰谷坪坝堤闸站厂矿场院校园苑楼房屋室库仓址段环境保护污染排口入河土壤地下监测断面饮用源一二三四级"
    "准优先耕永久红线企业重金属镉铅汞砷铬铜锌镍氨氮磷总化学需氧溶解高锰酸盐指数超标达整治治理修复风险管控调查详初步评估监督执法登记编码名称类型级别备注说明"
    "单位乡镇街道所属所在经纬坐标面积长宽深亩公顷平方米千克吨升毫微责任人联系电话时间日期状态情况是否有无正在已未完成开展实施规划用途性质权属使用变更审批"
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江"
    "尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤春夏秋冬东南西北前后左右上下大小新旧老青红蓝绿紫金银铁木火土花草树竹松柏梅兰菊桃梨枣杏柳杨槐"
    "养殖种植粮食蔬菜畜禽猪牛羊鸡鸭鱼屠宰酒纸药肥煤焦电镀皮革印染纺织机械制造加工修理汽车运输仓储商贸有限责任股份集团公司厂"
)
_TRADITIONAL = (
    "國區縣鄉鎮莊號產業廠礦場園樓灣溝橋點編碼稱類別級質屬間時長寬畝頃積電聯繫責記說備註變發開關門東車馬魚鳥龍風飛雲漢語書學會員議務環護壞險測圖線緯經"
    "標單達總數處見親觀視計設許證詳認讓議訊論調談請諸謝識議貝負財貨貴買費資賓賽贏趙軍載轉運過進遠選還鄰鄭釋裡針釣鈴鉛銀銅鋁鋅鋼錢錄鎘鎳鐵鑄陳陽陰隊階隨難"
    "雙雞離電靈靜頂項順預領頭題顏願顧飲飯養餘館駐驗體髮鬥鬧鮮鴨麥麵黃點齊齒臺灣廣廳應廟從個們備傳傷僅優億兒兩內冊決減劃劉則創劑劍勝動勞勢勵協員問啟喬嚴園圍"
    "執報場塊壓壯壽夢夠奧婦孫寧實審寫對導將專尋層嶺幫師幣幹幾庫廢張強彎後徑復德惡愛慶憲懷戰戲戶拋掛採據擇擊擔擴擬攝斷時晉曉曆暫書機殺條來楊極構槍樂樣樹橫檔"
    "檢權歐歡歲歷歸殘毀氣決沒況淚淺淨渾湧湯準滅滿漁漢漲漿潔潤澤濁濃濕濟濱灑為無煙煉營爐爭爺牆狀獎獨獲現環產畫當療發盜監盤眾睜矯礎祿種稅稻穀穩窩窮筆節範築簡"
)


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Hold how likely texts are, and what speaks for and against them, counted in letters beyond ASCII and in words."""

    log: float = 0.0
    letters: int = 0
    frequent: int = 0
    odd: int = 0
    words: int = 0

    def __add__(self, other: Likelihood) -> Likelihood:
        """Return the likelihood of both texts together."""
        return Likelihood(
            self.log + other.log, self.letters + other.letters, self.frequent + other.frequent, self.odd + other.odd,
            self.words + other.words,
        )  # fmt: skip

    @property
    def per_letter(self) -> float:
        """Return the logarithm a letter; 0 where all is ASCII."""
        return self.log / self.letters if self.letters else 0.0


def likelihood_of(texts: Iterable[str], words: Collection[str]) -> Likelihood:
    """Return how likely texts are in a table whose own words are `words`.

    Examples
    --------
    >>> right = likelihood_of(["排污口名称"], ())
    >>> wrong = likelihood_of(["排污口名称".encode("utf-8").decode("gb18030", "replace")], ())
    >>> right.log - wrong.log > 20
    True
    """
    known = own_words() | {word for word in words if not word.isascii()}
    total = Likelihood()
    for text in texts:
        total += _likelihood(text, known)
    return total


def _likelihood(text: str, known: frozenset[str]) -> Likelihood:
    log, letters, frequent, odd, words, at = 0.0, 0, 0, 0, 0, 0
    while at < len(text):
        letter = text[at]
        size = 0 if letter.isascii() else _word_at(text, at, known)
        if size:
            log, words, at = log + _WORD, words + 1, at + size
            letters, frequent = letters + size, frequent + size
            continue
        share = _share(letter)
        if share == _LATIN_ALONE and (_is_small(text, at - 1) or _is_small(text, at + 1)):
            share = _LATIN_IN_WORD
        elif _is_ideograph(letter):
            share += _GLUED * (_is_small(text, at - 1) + _is_small(text, at + 1))
        log, at = log + share, at + 1
        letters += not letter.isascii()
        frequent += share in (_FREQUENT, _SIGN, _LATIN_IN_WORD)
        odd += share <= _RARE
    return Likelihood(log, letters, frequent, odd, words)


def _word_at(text: str, at: int, known: frozenset[str]) -> int:
    """Return the length of the longest known word that begins at a letter."""
    sizes = range(min(_LONGEST_WORD, len(text) - at), 1, -1)
    return next((size for size in sizes if text[at : at + size] in known), 0)


def _is_small(text: str, at: int) -> bool:
    return 0 <= at < len(text) and "a" <= text[at] <= "z"


def _is_ideograph(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" or letter >= "\U00020000"


@cache
def _share(letter: str) -> float:
    if letter.isascii():
        return _ASCII if letter.isprintable() or letter in _CONTROLS else _ODD
    if letter in _frequent_letters():
        return _FREQUENT
    if _is_ideograph(letter):
        return _share_of_ideograph(letter)
    category = unicodedata.category(letter)
    if category in ("Co", "Cn", "Cc", "Cs"):
        return _ODD
    if category[0] in "PSNZ" or "\uff00" <= letter <= "\uff5e":
        return _SIGN
    return _LATIN_ALONE if letter < "\u0250" else _FOREIGN


def _share_of_ideograph(letter: str) -> float:
    gb, big5 = _bytes_in(letter, "gb2312"), _bytes_in(letter, "big5")
    if (gb and gb[0] in _LEVEL_1_GB) or (big5 and big5[0] in _LEVEL_1_BIG5):
        return _COMMON
    return _KNOWN if gb else _RARE


def _bytes_in(letter: str, codec: str) -> bytes:
    return codecs.encode(letter, codec, "ignore")


@cache
def _frequent_letters() -> frozenset[str]:
    return frozenset(_LETTERS) | frozenset(_TRADITIONAL) | frozenset("".join(own_words()))


@cache
def own_words() -> frozenset[str]:
    """Return the Chinese words of the content: titles and aliases of the fields, titles and aliases of the codes."""
    folder = content_root() / "layers"
    found: set[str] = set()
    for path in sorted([*folder.glob("*.toml"), *folder.glob("codes/*.csv")]):
        text = path.read_bytes().decode("utf-8", "ignore")
        found.update(re.findall(f"[\u4e00-\u9fff]{{2,{_LONGEST_WORD}}}", text))
    return frozenset(found)
