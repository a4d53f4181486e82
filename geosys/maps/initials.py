"""Find the letters a Chinese name is abbreviated by: the first letter of each syllable, as people type them to search.

GB 2312 orders its first level of 3,755 characters by pinyin, so that their letter follows from their code. Its second
level of 3,008 characters, where many names of rivers and counties are, is ordered by radical and needs a table.
Characters of neither have no letter here: a name that holds one is found by its other words and by its code.
Source: GB 2312-80 (order of the first level); letters of the second level by the pinyin order of Unicode CLDR.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LETTERS = "abcdefghjklmnopqrstwxyz"
_FIRST = "啊芭擦搭蛾发噶哈击喀垃妈拿哦啪期然撒塌挖昔压匝"  # the first character of each letter on the first level
_LEVEL_TWO, _ROW = 0xD8, 94
_SECOND = (
    "chwgnspgcgnegypbtyyzdxykygtzjnmjqmbsgzscyjsyyfpgkbzgydywjkgkljswkpjqhyjwrdzlsgmrypywwcckznkyygttnjjnykkzytcj"
    "nmcylqlypyqfqrpzslwbtgkjfyxjwzltbncxjjjjtxdttsqzycdxxhgckbphffsstybgmxlpbyllbhlxsmzmyjhsojnghdzqyklgjhsgqzhx"
    "qgkezzwyscscjxyeyxadzpmdssmzjzqjyzcjjfwqjbdzpxgznzcpwhwxhqkmwfbpbydtjzzkqhylygxfptyjyyzpszlfchmqshgmxxsxjyqd"
    "csbbqbefsjyhwwgzkpylqbgldlcdtnmayddkssngycsgxlyzaypnptsdkdylhgymylcxpycjndqjwxqxfyyfjlejbzrxccqwqqsbzkymgplb"
    "mjrqcflnymyqmsqtrbcjthztqfrxqhxmjjcjlxxgjmshzkbswyemyltxfsydsglycjqxsjnqbsctyhbftdcyzdjwyghqfrxwckqkxebptlpx"
    "jzsrmebwhjlbjslyysmdxlclqkxlhxjrzjmbqhxhwywsbhtrxxglhqhfnmgykldyxzpwlggsmtcfpajjzyljtyanjgbjplqgdzyqyaxbkyse"
    "cjsznslyzhzxlzcghpxzhznytdsbcjkdlzayffydlebbgqyzkxgldndnyskjshdlyxbcghxypkdjmmzngmmclgwzszxzjfznmlzzthcsydbd"
    "llscddnlkjykjsycjlknhqasdknhcsgsnhdaashtcplcpqybsdmpjlpzjoqlcdhjxysprchnwjnlhlyyqyhwzptczgwwmzffjqqqqyxaclbh"
    "kdjxdgmmydjxzllsygxgkjrywzwyclzmssjzldbydcpcxyhlxchyzjqsqqagmnyxpfrkssbjlyxysyglnscmhcwwmnzjjlxxhchsyzsxtxry"
    "cyxbyhcsmxjsznpwgpxxtaybgajcxlyxdccwzocwkccsbnhcpdyznfcyytyckxkybsqkkytqqxfcwchcykelzqbsqyjqcclmthsywhmktlkj"
    "lycxwhyqqhtqkqpqsqscfymmdmgbwhwlgsllystlmlxpthmjhwljzyhzjxhtxjlhxrswlwzjcbxmhzqxsdzpmgfcsglsxymjshxpjxwmyqks"
    "myplrthbxftpmhyxlchlhlzylxgsssstclsldclrpbhzhxyyfhbmgdmycnqqwlqhjjcywjzyejjdhpblqxtqkwhlchqxagtlxljxmsljhtzk"
    "zjecxjcjnmfbycsfywybjzgnysdzsqyrsljpclpwxsdwejbjcbcnaytwgmpapclyqpclzxsbnmsggfnzjjbzsfzyndxhplqkzczwalsbccjx"
    "syzhwkypsgxfzfcdkhjgxtlqfsgdslqwzkxtmhsbgzmjzrglyjbpmlmsxlzjqqhzyjczydjwbwjklddpmjegxyhylxhlqyqhkycwcjmyyxna"
    "tjhyccxzpcqlbzwwytwbqcmlpmyrjcccxfpznzzljplxxyztzlgdltcklyrzzgqtgjhhgjljaxfgfjzslcfdqzlclgjdjzsnzlljpjqdcclc"
    "jxmyzftsxgcgsbrzxjqqctzhgyqtjqqlzxjylylbcyamcstylpdjbyregklzyzhlyszqlznwczcllwjqjjjkdgjzolbbzppglghtgzxyjhzm"
    "ycnqcycyhbhgxkamtxyxnbskyzzgjzlqjdfcjxdygjqjjpmgwgjjjpkqsbgbmmcjssclpqpdxcdyykypcjddyygywrhjrtgznyqldkljszzg"
    "zqzjgdykshpzmtlcpwnjyfyzdjcnmwescyglbtzcgmssllyxqsxsbsjsbbsgghfjlypmzjnlyywdqshzxtyywhmcyhywdbxbtlmsyyyfsxjc"
    "btxxlhjhfssxzqhfzmzcztqcxzxrttdjhnnyzqqmtqdmmgyydxmjgdhcdyzbffallztdltfxmxqzdngwqdbdczjdxbzgsqqddjcmbkzffxmk"
    "dmdsyyszcmljdsynsprskmkmpcklgtbqtfzswtfgglyplljzhgjjgypzltcsmcnbtjbqfkdhbyzgkpbbymtdssxtbnpdkleycjnyddykztdh"
    "qhsdzsctarlltkzlgecllkjlqjaqnbdkkghpjtzqksecshalqfmmgjnlyjbbtmlyzxdcjpldlpcqdhzycbzsczbzmsljflkrzjsnfrgjhxpd"
    "hyjybzgdlqcsezgxlblgyxtwmabchecmwyjyzlljjyhlgndjlslygkdzpzxjyyzlwcxszfgwyydlyhcljscmbjhblyzlycblydpdqysxqzby"
    "tdkyyjyycnrjmpdqgklcljbctbjddbblblczqrppxjcjlzcshltoljnmdddlngkathqhjhykheznmshrphqqjchgmfprxhjgdychghlyrzql"
    "cyqjnzsqtkqjymszswlcfqqqxyfggyptqwlmcrnfkkfsyylqbmqammmyxctpshcptxxzzsmphpshmclmldqfyqxszyjdjjzzhqpdszglstjb"
    "ckbxyqzysgpsxqzqzrqtbdkyxzkhhgflbcsmdldgdzdblzyycxnncsybzbfglzzxswmsccmqnjqsbdqsjtxxmbltxzclzshzcxrqjgjylxzf"
    "jphymzqqydfqjjlzznzjcdgzygztxmzysctlkphtxhtlbjxjlxscdqxcbbtjfqzfsltjbtkqbxxjjljchczdbzjdczjdcprnpqcjpfczlclz"
    "xzdmxmphjsgzgszzqjylwtjpfsyaxmcjbtzyycwmytzsjjlqcqlwzmalbxyfbpnlsfhtgjwejjxxglljstgshjqlzfkcgnndszfdeqfhbsaq"
    "tgylbxmmygszldydqmjjrgbjtkgdhgkblqkbdmbylxwcxyttybkmrtjzxqjbhlmhmjjzmqasldcyxyqdlqcafywyxqhz"
)
# What these are read as depends on the name; each letter finds it.
_SEVERAL = {
    "长": "cz", "重": "cz", "乐": "ly", "厦": "xs", "曾": "cz", "单": "ds", "解": "jx", "泊": "bp", "埔": "bp", "行": "hx",
    "朝": "cz", "盛": "cs", "藏": "cz", "尉": "wy", "宿": "sx", "会": "hk", "调": "dt", "降": "jx", "车": "cj", "阿": "ae",
    "铅": "qy", "堡": "bp", "莘": "xs", "荥": "xy", "渑": "ms", "浚": "jx", "漯": "lt", "仇": "qc",
    "区": "qo", "种": "zc", "查": "cz", "翟": "zd", "覃": "qt", "茄": "qj", "畜": "xc", "槛": "jk", "蛤": "gh",
    "莞": "gw", "涡": "wg", "枞": "cz", "圩": "wx", "陂": "bp", "洗": "xs", "石": "sd", "弹": "dt", "校": "xj", "系": "xj",
}  # fmt: skip


def letters_of(character: str) -> str:
    """Return the letters that a character may be typed as, empty for one that is not known.

    Examples
    --------
    >>> letters_of("河"), letters_of("濮"), letters_of("长"), letters_of("x"), letters_of("𤭢")
    ('h', 'p', 'cz', '', '')
    """
    if character in _SEVERAL:
        return _SEVERAL[character]
    code = _code(character)
    row, cell = code >> 8, code & 0xFF
    if row >= _LEVEL_TWO:
        place = (row - _LEVEL_TWO) * _ROW + cell - 0xA1
        return _SECOND[place : place + 1]
    place = bisect_right(_STARTS, code)
    return _LETTERS[place - 1] if place else ""


def initials_table(names: Iterable[str]) -> dict[str, str]:
    """Return letter -> the characters of `names` that it stands for, in order; what is not known is left out.

    Examples
    --------
    >>> initials_table(["濮河", "长河 A"])
    {'c': '长', 'h': '河', 'p': '濮', 'z': '长'}
    """
    table: dict[str, list[str]] = {}
    for character in sorted({letter for name in names for letter in name}):
        for letter in letters_of(character):
            table.setdefault(letter, []).append(character)
    return {letter: "".join(table[letter]) for letter in sorted(table)}


def _code(character: str) -> int:
    """Return the GB 2312 code of a character, 0 for one that it lacks."""
    try:
        raw = character.encode("gb2312")
    except UnicodeEncodeError:
        return 0
    return int.from_bytes(raw, "big") if len(raw) == 2 else 0  # noqa: PLR2004  its characters have two bytes


_STARTS = [_code(character) for character in _FIRST]
