"""JSON texts and what RFC 8259 says of them: (name, bytes) in three lists.

Values stand as an extra member of an increment, `{"key":K,"value":1,"x":VALUE}`, which a service that knows JSON passes over;
whole texts stand for themselves. JSONTestSuite (Nicolas Seriot, "Parsing JSON is a minefield") is where the kinds of cases are from."""


def as_member(value):
    return b'{"key":"KEY","value":1,"x":' + value + b"}"


def named(kind, values):
    return [(f"{kind}: {value[:40]!r}", value) for value in values]


# ---- values that are JSON: the increment is counted ----

NUMBERS = [
    b"0", b"-0", b"1", b"-1", b"10", b"123456789", b"9007199254740993", b"9223372036854775807", b"-9223372036854775808",
    b"9223372036854775808", b"18446744073709551616", b"1" * 400, b"0.0", b"-0.0", b"0.1", b"1.5", b"123.456", b"1.0000000000000000000001",
    b"0e1", b"0e+1", b"0e-1", b"1e1", b"1E1", b"1e+1", b"1e-1", b"1E400", b"-1e400", b"1e-400", b"1.5e300", b"1.5E-300",
    b"0.1e999999999999", b"1e9999999999999999999", b"123e65", b"0.4e00669999999999999999999999999999999999999999999",
    b"-123123123123123123123123123123", b"0.00000000000000000000000000000000000000000000000001",
]
STRINGS = [
    b'""', b'" "', b'"a"', b'"\\""', b'"\\\\"', b'"\\/"', b'"\\b"', b'"\\f"', b'"\\n"', b'"\\r"', b'"\\t"', b'"\\u0041"',
    b'"\\u0000"', b'"\\u001f"', b'"\\u007f"', b'"\x7f"', b'"\\u00e9"', b'"\\uD834\\uDD1E"', b'"\\ud834\\udd1e"', b'"\\uDBFF\\uDFFF"',
    b'"\\uFFFE"', b'"\\uFFFF"', b'"\\u2028"', b'"\xe2\x80\xa8"', b'"\xe2\x80\xa9"', '"é"'.encode(), '"☃"'.encode(), '"𝄞"'.encode(),
    '"\U0010ffff"'.encode(), '"\ufdd0"'.encode(), '"\u202e"'.encode(), '"\ufeff"'.encode(), b'"\\u200b"', b'"/*"', b'"//"', b'"{"', b'"]"',
    b'"null"', b'"' + b"a" * 10_000 + b'"', b'"' + b"\\n" * 5_000 + b'"',
]
STRUCTURES = [
    b"null", b"true", b"false", b"[]", b"{}", b"[[]]", b"[{}]", b'{"":0}', b'{"a":{}}', b'{"a":[]}', b"[1,2,3]", b'[1,"a",null,true]',
    b"[[[[[[[[[[]]]]]]]]]]", b'{"a":{"b":{"c":{"d":1}}}}', b'{"a":1,"b":2}', b'{"\\u0000":1}', b'{"a\\"b":1}', b'{"key":"other","value":5}',
    b"[" * 60 + b"]" * 60, b'{"a":' * 50 + b"1" + b"}" * 50, b"[" + b"0," * 1000 + b"0]",
]
BLANKS = [b" 1", b"1 ", b"\t1", b"\n1\n", b"\r\n1\r\n", b" \t\r\n[ \t\r\n] \t\r\n", b"[ 1 , 2 ]", b'{ "a" : 1 }', b'{"a"\n:\n1\n}']
ACCEPTED_VALUES = (named("number", NUMBERS) + named("string", STRINGS) + named("structure", STRUCTURES) + named("blanks", BLANKS))

# ---- values that are no JSON: 400 ----

BAD_NUMBERS = [
    b"+1", b"01", b"-01", b"00", b"1.", b".5", b"-.5", b"1.e1", b"1e", b"1e+", b"1E-", b"e1", b"--1", b"-", b"+", b"1-", b"1+1", b"0x10",
    b"0x", b"1_000", b"1,000", b"NaN", b"nan", b"Infinity", b"-Infinity", b"inf", b"1 2", b"1.2.3", b"1e1.5", b"1e1e1", b"- 1", b"1a", b"1f",
    b"0b1", b"0o7", b"1.5d", "１".encode(), "٣".encode(), b"0.1.", b"9.e+", b"-2.", b"2.e3", b"1eE2", b"0e", b"0E+",
]
BAD_STRINGS = [
    b'"', b'"a', b"a", b"'a'", b"`a`", b'"\\"', b'"\\x41"', b'"\\a"', b'"\\0"', b'"\\\'"', b'"\\u"', b'"\\u1"', b'"\\u12"', b'"\\u123"',
    b'"\\u123g"', b'"\\U0041"', b'"\\u{41}"', b'"\\u-041"', b'"\\u 041"', b'"\x00"', b'"\x01"', b'"\x1f"', b'"\t"', b'"\n"', b'"\r"', b'"a" "b"',
    b'"a""b"', b'"\\\n"', b'"\\ "', b'"\\\xc3\xa9"',
]
BAD_STRUCTURES = [
    b"[", b"]", b"[[]", b"[]]", b"[,]", b"[1,]", b"[,1]", b"[1,,2]", b"[1 2]", b"[1:2]", b"[1;2]", b"[1", b'["a"', b"{", b"}}", b"{,}", b'{"a"}',
    b'{"a":}', b'{"a":1,}', b'{,"a":1}', b'{"a":1,,"b":2}', b'{"a" 1}', b'{"a"=1}', b'{"a"::1}', b"{a:1}", b"{1:1}", b"{null:1}", b"{'a':1}", b'{"a":1 "b":2}',
    b'{"a":1', b'{"a', b"[1}", b'{"a":1]', b"(1)", b"<1>", b"", b",", b":", b"[1]]", b"*", b"&", b"\\", b"/", b"@", b"#", b"$",
]
BAD_WORDS = [
    b"nul", b"nulll", b"Null", b"NULL", b"tru", b"True", b"TRUE", b"truth", b"fals", b"False", b"undefined", b"None", b"yes", b"n", b"t", b"f", b"null null",
    b"1 true", b"// c\n1", b"/* c */1", b"1/* c */", b"1//", b"# c\n1", b"\x0b1", b"\x0c1", b"\xa01", b"\xc2\xa01", b"\xe2\x80\xa81", b"\xe3\x80\x801", b"\x001",
    b"\xef\xbb\xbf1",
]
BAD_UTF8 = [
    b'"\x80"', b'"\xbf"', b'"\xc0\x80"', b'"\xc1\xbf"', b'"\xc3"', b'"\xc3("', b'"\xe0\x80\x80"', b'"\xe0\x9f\xbf"', b'"\xe2\x82"', b'"\xe2(\xa1"', b'"\xed\xa0\x80"',
    b'"\xed\xbf\xbf"', b'"\xf0\x80\x80\x80"', b'"\xf0\x8f\xbf\xbf"', b'"\xf0\x9f\x98"', b'"\xf4\x90\x80\x80"', b'"\xf5\x80\x80\x80"', b'"\xf8\x88\x80\x80\x80"', b'"\xfe"', b'"\xff"', b'"a\xe9"',
]
REJECTED_VALUES = (named("number", BAD_NUMBERS) + named("string", BAD_STRINGS) + named("structure", BAD_STRUCTURES)
                   + named("word", BAD_WORDS) + named("utf-8", BAD_UTF8))

# ---- what RFC 8259 leaves open, and what this service does: (bytes, status) ----

DEFINED_TEXTS = [
    # Section 9: a parser may limit depth. 64 levels.
    (as_member(b"[" * 63 + b"]" * 63), 200), (as_member(b"[" * 64 + b"]" * 64), 400),
    (as_member(b"[" * 100_000 + b"]" * 100_000), 400), (as_member(b"[" * 100_000), 400),
    (as_member(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), 400),
    # Section 8.1: a byte order mark may be refused. It is.
    (b"\xef\xbb\xbf" + as_member(b"1"), 400),
    # Section 8.2: lone surrogates cannot be stored. Refused wherever they stand.
    (as_member(b'"\\ud800"'), 400), (as_member(b'"\\udc00"'), 400), (as_member(b'"\\ud800\\ud800"'), 400),
    (as_member(b'"\\udc00\\ud800"'), 400), (as_member(b'"\\ud800a"'), 400), (as_member(b'"\\ud800\\n"'), 400),
    # Section 4: names should be unique. Where it would be unclear what is counted, refused.
    (b'{"key":"KEY","key":"KEY","value":1}', 400), (b'{"key":"KEY","value":1,"value":1}', 400),
    (b'{"key":"KEY","value":1,"valu\\u0065":2}', 400), (b'{"key":"KEY","value":1,"x":1,"x":2}', 200),
    # Section 6: range and precision of numbers. Integers of 64 bits, nothing else, never rounded.
    (b'{"key":"KEY","value":9223372036854775808}', 422), (b'{"key":"KEY","value":-9223372036854775809}', 422),
    (b'{"key":"KEY","value":1.0}', 422), (b'{"key":"KEY","value":1e0}', 422), (b'{"key":"KEY","value":1E400}', 422),
    (b'{"key":"KEY","value":-0}', 200), (b'{"key":"KEY","value":-0.0}', 422), (b'{"key":"KEY","value":' + b"1" * 5000 + b"}", 422),
    # JSON, but no increment.
    (b"null", 422), (b"true", 422), (b"1", 422), (b'"KEY"', 422), (b"{}", 422), (b'{"key":"KEY"}', 422), (b'{"value":1}', 422),
    (b'{"KEY":"KEY","value":1}', 422), (b'{"key":"","value":1}', 422), (b'{"key":"a\\u0000b","value":1}', 422),
    (b'{"key":"' + b"k" * 513 + b'","value":1}', 422), (b'{"key":null,"value":1}', 422), (b'{"key":["KEY"],"value":1}', 422),
    (b'{"key":"KEY","value":"1"}', 422), (b'{"key":"KEY","value":[1]}', 422), (b'{"key":"KEY","value":null}', 422),
    # Other encodings than UTF-8 (section 8.1 forbids them).
    ('{"key":"KEY","value":1}'.encode("utf-16-le"), 400), ('{"key":"KEY","value":1}'.encode("utf-16"), 400),
    ('{"key":"KEY","value":1}'.encode("utf-32-le"), 400), (b"", 400), (b" ", 400), (b"\x00", 400), (b"\x00" * 4096, 400),
    (as_member(b"1") + b"\n\n  ", 200), (as_member(b"1") + b"\x00", 400), (as_member(b"1") + b"x", 400), (as_member(b"1") * 2, 400),
    (as_member(b"1") + b"\n" + as_member(b"1"), 400), (b"a" * 100_000, 400), (b'{"key":"KEY",' * 10_000, 400),
]
