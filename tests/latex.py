"""Whether a LaTeX table could be compiled: what a small parser of tables can know without TeX."""

import re

SYMBOL = re.compile(r"\$(?:\\uparrow|\\downarrow|[<>])\$|\\text\w+\{\}")
SPECIAL = re.compile(r"(?<!\\)[&%$#_{}]")


def check(text: str) -> None:
    """AssertionError where environments or braces do not match, rows differ in cells, or a character of TeX is bare."""
    stack = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack, f"end of {name} without its begin"
            assert stack.pop() == name
    assert stack == []
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    (columns, body) = re.search(r"\\begin\{tabular\}\{([lcr]+)\}(.*)\\end\{tabular\}", text, flags=re.DOTALL).groups()
    assert [rule for rule in re.findall(r"\\(top|mid|bottom)rule", body)] == ["top", "mid", "bottom"]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert rows
    for row in rows:
        cells = re.split(r"(?<!\\)&", row.removesuffix(r"\\"))
        assert len(cells) == len(columns), row
        assert not any(SPECIAL.search(SYMBOL.sub("", cell)) for cell in cells), row
    assert text.isascii(), [char for char in text if not char.isascii()]
    for word in re.findall(r"\\caption\{(.*)\}", text):
        assert not re.search(r"(?<!\\)[&%$#_]", word), word
