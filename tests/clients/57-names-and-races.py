"""Folder names of every kind, two clients renaming at once, and more keywords than anybody needs."""
import imaplib, threading
from mail import *

first, second = imap(USER2, PASSWORD2), imap(USER2, PASSWORD2)


def utf7(name):
    out, run = "", ""
    for c in name + "\0":
        if " " <= c <= "~" or c == "\0":
            if run:
                import base64
                out += "&" + base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-"
                run = ""
            out += "" if c == "\0" else "&-" if c == "&" else c
        else:
            run += c
    return out


def quoted(name):
    return '"' + utf7(name).replace("\\", "\\\\").replace('"', '\\"') + '"'


# Every separator that other servers use, wildcards, quotes, and letters in both of their forms.
NAMES = ["a.b", "a\\b", 'a"b', "a*b%c", "a&b-c", "a:b|c", "~tilde", "#hash", " space ", "é", "e\u0301", "ﬀ", "Ω", "\u2126",
         "日本語", "👩\u200d👩", "\u202eright to left", "x" * 255, "A/B", "ǆ", "i\u0307", "[brackets]", "(parens)", "{3}"]
ok(first.create("Names"))
made = []
for name in NAMES:
    status, data = first.create(quoted(f"Names/{name}"))
    assert status == "OK" or b"[ALREADYEXISTS]" in data[0], (name, data)
    made += [name] if status == "OK" else []
listed = b"".join(line if isinstance(line, bytes) else b" ".join(line) for line in ok(first.list('""', '"Names/*"')) if line)
for name in made:
    ok(first.append(quoted(f"Names/{name}"), "", None, b"Subject: x\r\n\r\n"))
    assert ok(first.select(quoted(f"Names/{name}")))[0] == b"1", name
    assert ok(first.status(quoted(f"Names/{name}"), "(MESSAGES)")), name
ok(first.unselect())
assert len(made) >= 20, made
for name in ("", "a//b", "x" * 256, "tab\there", "new\u2028line", "/".join("x" * 70)):
    try:
        status, data = first.create(quoted(f"Names/{name}/end"))
    except imaplib.IMAP4.error:
        status = "BAD"
    assert status in ("NO", "BAD"), name
for name in reversed(made):
    ok(first.delete(quoted(f"Names/{name}")))
first.delete('"Names/A"')
ok(first.delete("Names"))

# Two clients rename: each folder has one name in the end, and one of two who want the same name gets it.
for n in range(8):
    ok(first.create(f"Race{n}"))
won = []


def rename(client, which):
    for n in range(8):
        status, data = client.rename(f"Race{n}", f"Raced{n}")
        won.append((n, which)) if status == "OK" else None
        assert status == "OK" or any(code in data[0] for code in (b"[NONEXISTENT]", b"[ALREADYEXISTS]")), data


threads = [threading.Thread(target=rename, args=(client, which)) for which, client in enumerate((first, second))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert sorted(n for n, _ in won) == list(range(8)), won
for client in (first, second):
    names = [line for line in ok(client.list('""', '"Race*"'))]
    assert len(names) == 8 and all(b"Raced" in name for name in names), names
    # Both into one name: one of them stays where it was.
answers = [first.rename("Raced0", "One"), second.rename("Raced1", "One")]
assert [status for status, _ in answers] == ["OK", "NO"], answers
for name in ["One"] + [f"Raced{n}" for n in range(1, 8)]:
    ok(first.delete(name))

# Keywords: as many as fit, then a refusal, and nothing is slower or broken for it.
ok(first.create("Keywords"))
ok(first.append("Keywords", "", None, b"Subject: x\r\n\r\n"))
ok(first.select("Keywords"))
refused = 0
for n in range(0, 100_000, 50):
    flags = " ".join(f"k{n + i}" for i in range(50))
    status, data = first.store("1", "+FLAGS.SILENT", f"({flags})")
    if status != "OK":
        assert b"[LIMIT]" in data[0], data
        refused += 1
        if refused == 3:
            break
assert refused == 3
ok(first.store("1", "FLAGS", r"(\Seen)"))
ok(first.close())
ok(first.delete("Keywords"))
