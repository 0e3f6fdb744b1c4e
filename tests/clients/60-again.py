"""After the restart: everything is still there, UIDs and flags too. The first run notes, later runs compare."""
import json, sys
from mail import *

state = {}
for user, password in ((USER1, PASSWORD1), (USER2, PASSWORD2)):
    connection = imap(user, password)
    for line in ok(connection.list()):
        name = line.decode().rsplit(' "/" ', 1)[1].strip('"')
        if rb"\Noselect" in line or connection.select(f'"{name}"', readonly=True)[0] != "OK":
            continue
        validity = connection.response("UIDVALIDITY")[1][0].decode()
        rows = ok(connection.fetch("1:*", "(UID FLAGS RFC822.SIZE)")) if ok(connection.search(None, "ALL"))[0] else []
        state[f"{user}/{name}"] = [validity] + sorted(r.decode() for r in rows if r)
    connection.logout()
assert sum(len(rows) - 1 for rows in state.values()) >= 5, state
noted = os.path.join(SCRATCH, "state.json")
if os.path.exists(noted):
    before = json.load(open(noted))
    assert before == state, "\n".join(f"{k}: {before.get(k)} became {state.get(k)}" for k in {**before, **state} if before.get(k) != state.get(k))
json.dump(state, open(noted, "w"))
