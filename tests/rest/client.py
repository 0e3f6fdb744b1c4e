"""Python's own HTTP clients against the REST: objects, all pages, changes, errors, limits, a client that leaves."""
import base64, http.client, json, os, ssl, threading, time, urllib.error, urllib.request

HTTPS = os.environ["HTTPS"]
CONTEXT = ssl.create_default_context(cafile=os.environ["CERTIFICATE"])
CONTEXT.check_hostname = False


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


ADMIN = basic(os.environ["ADMIN"], os.environ["ADMIN_PASSWORD"])


def post(url, body, authorization=ADMIN, **headers):
    """The status and the JSON of an answer."""
    headers = {"Content-Type": "application/json", "Authorization": authorization} | headers
    url = url if url.startswith("https:") else f"https://{HTTPS}/adminapi/{url}"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), context=CONTEXT) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def call(cmdlet, query="", authorization=ADMIN, prefer=None, **parameters):
    headers = {"Prefer": prefer} if prefer else {}
    body = {"CmdletInput": {"CmdletName": cmdlet, "Parameters": parameters}}
    url = f"beta/rialto.test/InvokeCommand{query}"
    status, answer = post(url, body, authorization, **headers)
    return status, answer, body


def value(cmdlet, query="", **parameters):
    status, answer, _ = call(cmdlet, query, **parameters)
    assert status == 200, (status, answer)
    return answer["value"]


# Objects, typed by annotations; what came can be sent back.
mailbox, = value("Get-Mailbox", Identity="nuno")
assert mailbox["Alias"] == "nuno" and mailbox["Guid@data.type"] == "System.Guid", mailbox
value("Set-Mailbox", Identity=mailbox["Guid"], MaxSendSize=mailbox["MaxSendSize"],
      EmailAddresses={"@odata.type": "#Exchange.GenericHashTable",
                      "Add@odata.type": "#Collection(String)", "Add": ["smtp:x@rialto.test"]})
mailbox, = value("Get-Mailbox", "?$select=EmailAddresses", Identity="nuno")
assert "smtp:x@rialto.test" in mailbox["EmailAddresses"] and len(mailbox) == 2, mailbox
text = "ünïcödé \U0001f600 \" \\ </script>"
value("Set-Mailbox", Identity="nuno", CustomAttribute1=text)
assert value("Get-Mailbox", Identity="nuno")[0]["CustomAttribute1"] == text

# Every page, each object once, in order; the same with other page sizes.
for number in range(57):
    value("New-RemoteDomain", Name=f"N{number:03}", DomainName=f"n{number:03}.example")
expected = [d["DomainName"] for d in value("Get-RemoteDomain", "?$select=DomainName")]
assert len(expected) >= 57
for size in (1, 7, 29, 1000):
    seen, pages = [], 0
    prefer = f"odata.maxpagesize={size}"
    status, answer, body = call("Get-RemoteDomain", "?$select=DomainName", prefer=prefer)
    while True:
        assert status == 200 and len(answer["value"]) <= size, (status, answer)
        seen += [d["DomainName"] for d in answer["value"]]
        pages += 1
        if "@odata.nextLink" not in answer:
            break
        status, answer = post(answer["@odata.nextLink"], body, Prefer=prefer)
    assert seen == expected, (size, seen)
    assert pages == -(-len(expected) // size), (size, pages)

# A token is its caller's alone, whatever else they may.
status, answer, body = call("Get-Mailbox", prefer="odata.maxpagesize=1")
status, _ = post(answer["@odata.nextLink"], body, basic(os.environ["USER1"], os.environ["PASSWORD1"]))
assert status == 400, status

# Errors.
status, answer, _ = call("Get-Mailbox", Identity="nobody")
assert status == 404 and len(answer["error"]["details"][0]["message"].split("|")) == 3, answer
status, answer, _ = call("Remove-RemoteDomain", Identity="N000")
assert status == 400 and "Confirm" in answer["error"]["message"], answer
value("Remove-RemoteDomain", Identity="N000", Confirm=False)
assert call("Get-RemoteDomain", Identity="N000")[0] == 404
for body in (b"", b"[" * 1_000_000, b"{" * 1000, b"\xff", b'{"CmdletInput":{"CmdletName":"\\ud800"}}'):
    status, answer = post("beta/rialto.test/InvokeCommand", body)
    assert status == 400 and answer["error"]["code"] == "BadRequest", (status, answer)
status, answer, _ = call("Get-Mailbox", **{f"P{n}": 1 for n in range(600)})
assert status == 400 and "at most" in answer["error"]["message"], answer

# A connection outlives what was refused before its body was read, header and body sent apart.
connection = http.client.HTTPSConnection(HTTPS, context=CONTEXT)
body = json.dumps({"CmdletInput": {"CmdletName": "Get-AcceptedDomain"}}).encode()
connection.connect()
whole = connection.sock
for path, kind in (("other.example", "json"), ("rialto.test", "x"), ("rialto.test", "json")):
    connection.putrequest("POST", f"/adminapi/beta/{path}/InvokeCommand?$select=Name")
    for name, header in (("Content-Type", f"application/{kind}"), ("Content-Length", len(body)),
                         ("Authorization", ADMIN)):
        connection.putheader(name, header)
    connection.endheaders()
    time.sleep(0.05)
    connection.send(body)
    answer = connection.getresponse()
    status, said = answer.status, answer.read()
    assert connection.sock is whole, (path, status, "the connection was closed")
assert status == 200, said

# A client that leaves in the middle takes nothing with it, and ten at once are served.
for _ in range(5):
    connection = http.client.HTTPSConnection(HTTPS, context=CONTEXT)
    body = json.dumps({"CmdletInput": {"CmdletName": "Get-Mailbox"}})
    connection.request("POST", "/adminapi/beta/rialto.test/InvokeCommand", body,
                       {"Content-Type": "application/json", "Authorization": ADMIN})
    connection.close()
time.sleep(0.2)
statuses = []
threads = [threading.Thread(target=lambda: statuses.append(call("Get-Mailbox")[0])) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert statuses == [200] * 8, statuses

# The description: every endpoint it names answers.
request = urllib.request.Request(f"https://{HTTPS}/adminapi/v2.0/openapi.json", headers={"Authorization": ADMIN})
description = json.load(urllib.request.urlopen(request, context=CONTEXT))
endpoints = [path for path in description["paths"] if path.count("/") == 4]
assert len(endpoints) > 20 and description["openapi"].startswith("3.1"), endpoints
for name, schema in description["components"]["schemas"].items():
    if name.startswith("Get-") and name != "Get-MailboxStatistics":
        required = schema["properties"]["CmdletInput"]["properties"]["Parameters"].get("required", [])
        status, answer, _ = call(name, "?$top=1", **{p: "nuno" for p in required})
        assert status in (200, 400, 404), (name, status, answer)
print("REST: all well")
