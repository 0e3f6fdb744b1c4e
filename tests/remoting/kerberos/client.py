"""Tickets instead of passwords: pypsrp and curl with MIT Kerberos, over TLS and without it; and tickets, tokens and
users that are refused. Passwords of principals are their names."""
import base64
import os
import re
import subprocess
import sys
import time
import traceback
import warnings

import requests
import spnego
import urllib3
from pypsrp.exceptions import AuthenticationError, WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

warnings.filterwarnings("ignore")

SERVER, REALM = os.environ["SERVER"], "RIALTO.TEST"
HTTPS, HTTP = (int(os.environ[name]) for name in ("HTTPS_PORT", "HTTP_PORT"))
RIALTO, DATA = os.environ["RIALTO"], os.environ["DATA"]
SOAP = "application/soap+xml;charset=UTF-8"
URLS = {True: f"https://127.0.0.1:{HTTPS}/PowerShell/", False: f"http://127.0.0.1:{HTTP}/PowerShell/"}
IDENTIFY = ('<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:i="http://schemas.dmtf.org/wbem/'
            'wsman/identity/1/wsmanidentity.xsd"><s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>')


def server(user, ssl, auth="kerberos", service="HTTP", host=SERVER, **options):
    return WSMan("127.0.0.1", port=HTTPS if ssl else HTTP, ssl=ssl, auth=auth, path="PowerShell/",
                 username=f"{user}@{REALM}", password=user, cert_validation=False, negotiate_service=service,
                 negotiate_hostname_override=host, **options)


def run(runspaces, cmdlet, **parameters):
    shell = PowerShell(runspaces)
    shell.add_cmdlet(cmdlet).add_parameters(parameters)
    output = shell.invoke()
    assert not shell.had_errors, [str(error) for error in shell.streams.error]
    return output


def session(connection):
    return RunspacePool(connection, configuration_name="Microsoft.Exchange")


def opens(user, ssl, **options):
    """Whether a user gets in; who is not let in gets no session."""
    try:
        with server(user, ssl, **options) as connection, session(connection) as runspaces:
            run(runspaces, "Get-Recipient")
        return True
    except AuthenticationError:
        return False


def local(script):
    """An administrator at the server itself."""
    done = subprocess.run([RIALTO, "shell", "--data", DATA, "-Command", script], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Talk:
    """One connection, spoken to by hand."""

    def __init__(self, ssl):
        self.url, self.session = URLS[ssl], requests.Session()

    def post(self, body="", token=None, scheme="Negotiate", content_type=SOAP):
        headers = {"Content-Type": content_type}
        if token is not None:
            headers["Authorization"] = f"{scheme} {base64.b64encode(token).decode()}"
        return self.session.post(self.url, data=body, headers=headers, verify=False)


def context(user="administrator", protocol="kerberos", service="HTTP", **options):
    return spnego.client(f"{user}@{REALM}", user, hostname=SERVER, service=service, protocol=protocol, **options)


def answer_of(response):
    found = re.match(r"(Negotiate|Kerberos) (\S+)$", response.headers.get("WWW-Authenticate", ""))
    return base64.b64decode(found.group(2)) if found else None


def told(client, refused):
    """The code of the Kerberos error that a client is refused with, as it reads it itself (RFC 4120 section 7.5.9)."""
    try:
        client.step(answer_of(refused))
    except spnego.exceptions.SpnegoError as error:
        return (error.base_error.min_code & 0xffffffff) - 0x96c73a00
    raise AssertionError("no error")


def check_in_and_out():
    for ssl, encryption in ((True, "auto"), (True, "always"), (False, "auto")):
        for auth in ("kerberos", "negotiate"):
            connection = server("administrator", ssl, auth, encryption=encryption)
            with connection, session(connection) as runspaces:
                assert run(runspaces, "Get-Mailbox", Identity="nuno")[0].adapted_properties["Alias"] == "nuno"
                encrypts = connection.transport.encryption is not None
                assert encrypts == (not ssl or encryption == "always")


def check_messages_of_every_size_and_faults():
    with server("administrator", False) as connection, session(connection) as runspaces:
        for size in (1, 100_000, 700_000):
            note = "x" * size
            shell = PowerShell(runspaces)
            shell.add_cmdlet("Write-Output").add_parameter("InputObject", note)
            output = shell.invoke()
            if shell.had_errors:
                # The session has no such cmdlet: the request was read all the same.
                assert "Write-Output" in str(shell.streams.error[0]), size
            else:
                assert output == [note], size
        names = run(runspaces, "Get-ManagementRole")
        assert len(names) > 50
        try:
            RunspacePool(connection, configuration_name="Nobody").open()
            raise AssertionError("no fault")
        except WSManFaultError as fault:
            assert fault.code == 2150858811, fault.code


def check_who_it_is():
    """The ticket's user, with that user's roles, in the audit log."""
    with server("administrator", True) as connection, session(connection) as runspaces:
        run(runspaces, "Set-Mailbox", Identity="ana", CustomAttribute7="by ticket")
        entries = run(runspaces, "Search-AdminAuditLog", Cmdlets=["Set-Mailbox"], ResultSize=5)
        callers = [str(entry.adapted_properties["Caller"]) for entry in entries]
        assert callers == ["rialto.test/Users/Administrator"], callers
    with server("nuno", True) as connection, session(connection) as runspaces:
        names = [command.adapted_properties["Name"] for command in run(runspaces, "Get-Command")]
        assert "New-Mailbox" not in names and "Get-Mailbox" in names, names


def check_every_encryption_type():
    for kind in ("aes128-cts-hmac-sha1-96", "aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha256-128",
                 "aes256-cts-hmac-sha384-192"):
        with open(os.environ["KRB5_CONFIG"], encoding="ascii") as config:
            text = config.read().replace("[libdefaults]", f"[libdefaults]\n permitted_enctypes = {kind}")
        other = os.environ["KRB5_CONFIG"] + "." + kind
        with open(other, "w", encoding="ascii") as config:
            config.write(text)
        script = "from client import opens; import sys; sys.exit(0 if opens('administrator', False) else 1)"
        done = subprocess.run([os.environ["PYTHON"], "-c", script], env={**os.environ, "KRB5_CONFIG": other},
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, (kind, done.stderr)
        with open(os.environ["KDC_LOG"], encoding="ascii") as log:
            issued = [line for line in log if "TGS_REQ" in line and "ISSUE" in line][-1]
        assert f"ses={kind}" in issued, issued


def check_curl():
    cache = {**os.environ, "KRB5CCNAME": "FILE:" + os.environ["KRB5_CONFIG"] + ".cache"}
    subprocess.run(["kinit", "administrator"], input=b"administrator\n", env=cache, check=True, capture_output=True)
    curl = ["curl", "-sSk", "--negotiate", "-u", ":", "--resolve", f"{SERVER}:{HTTPS}:127.0.0.1", "-H",
            f"Content-Type: {SOAP}", "-d", IDENTIFY, "-w", "%{http_code}",
            f"https://{SERVER}:{HTTPS}/PowerShell/"]
    done = subprocess.run(curl, env=cache, capture_output=True, text=True, check=False)
    assert "IdentifyResponse" in done.stdout and done.stdout.endswith("200"), (done.stdout, done.stderr)


def check_what_is_offered():
    for ssl, schemes in ((True, "Negotiate, Kerberos, Basic realm=\"WSMAN\""), (False, "Negotiate, Kerberos")):
        answer = Talk(ssl).post(IDENTIFY)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, schemes)
    admin = requests.get(f"https://127.0.0.1:{HTTPS}/adminapi/v2.0/openapi.json", verify=False)
    assert "Negotiate" not in admin.headers.get("WWW-Authenticate", "")


def check_a_connection_is_its_users():
    for scheme, protocol in (("Negotiate", "negotiate"), ("Negotiate", "kerberos"), ("Kerberos", "kerberos")):
        talk, client = Talk(True), context(protocol=protocol)
        answer = talk.post(IDENTIFY, client.step(), scheme)
        assert answer.status_code == 200 and "IdentifyResponse" in answer.text, answer.text
        client.step(answer_of(answer))
        assert client.complete
        assert talk.post(IDENTIFY).status_code == 200
        assert Talk(True).post(IDENTIFY).status_code == 401
        # A token that is refused ends it.
        assert talk.post(IDENTIFY, b"x").status_code == 401
        assert talk.post(IDENTIFY).status_code == 401


def check_a_client_that_likes_ntlm_better():
    """Kerberos is chosen all the same, and both sign what was offered."""
    kerberos, ntlm = (spnego._spnego.GSSMech[name].value for name in ("kerberos", "ntlm"))
    talk, client = Talk(True), context()

    def step(**fields):
        token = client_token(**fields)
        answer = talk.post(IDENTIFY, token)
        return answer.status_code, spnego._spnego.unpack_token(answer_of(answer))

    def client_token(mech_types=None, **fields):
        kind = spnego._spnego.NegTokenInit if mech_types else spnego._spnego.NegTokenResp
        return kind(**({"mech_types": mech_types} if mech_types else {}), **fields).pack()

    mechanisms = spnego._spnego.pack_mech_type_list([ntlm, kerberos])
    status, answer = step(mech_types=[ntlm, kerberos], mech_token=b"NTLMSSP\0")
    assert (status, answer.supported_mech, answer.response_token) == (401, kerberos, None), answer
    status, answer = step(response_token=client.step())
    assert status == 401 and not answer.mech_list_mic, answer
    client.step(answer.response_token)
    assert client.complete
    status, answer = step(mech_list_mic=client.sign(mechanisms))
    assert (status, answer.neg_state) == (200, spnego._spnego.NegState.accept_complete), answer
    client.verify(mechanisms, answer.mech_list_mic)
    # Who signs another list, or none, stays out.
    for wrong in (b"another", None):
        talk, client = Talk(True), context()
        step(mech_types=[ntlm, kerberos], mech_token=b"NTLMSSP\0")
        _, answer = step(response_token=client.step())
        client.step(answer.response_token)
        assert talk.post(IDENTIFY, client_token(mech_list_mic=client.sign(wrong)) if wrong else None).status_code == 401


def check_without_tls_everything_is_encrypted():
    talk, client = Talk(False), context()
    answer = talk.post(token=client.step())
    assert (answer.status_code, answer.text) == (200, "")
    client.step(answer_of(answer))
    assert talk.post(IDENTIFY).status_code == 403
    assert talk.post("").status_code == 403
    basic = requests.post(URLS[False], data=IDENTIFY, auth=("administrator@rialto.test", "x"),
                          headers={"Content-Type": SOAP})
    assert basic.status_code == 403, basic.status_code

    def sealed(text):
        header, data, _ = client.wrap_winrm(text.encode())
        kind = "application/HTTP-SPNEGO-session-encrypted"
        body = (f"--Encrypted Boundary\r\n\tContent-Type: {kind}\r\n\tOriginalContent: type={SOAP};Length={len(text)}"
                "\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n").encode()
        body += len(header).to_bytes(4, "little") + header + data + b"--Encrypted Boundary--\r\n"
        return body, f'multipart/encrypted;protocol="{kind}";boundary="Encrypted Boundary"'

    body, kind = sealed(IDENTIFY)
    assert talk.post(body, content_type=kind).status_code == 200
    # The same message again, one that was changed, and one on another connection.
    assert talk.post(body, content_type=kind).status_code == 400
    body, _ = sealed(IDENTIFY)
    assert talk.post(body[:-60] + bytes([body[-60] ^ 1]) + body[-59:], content_type=kind).status_code == 400
    body, _ = sealed(IDENTIFY)
    assert Talk(False).post(body, content_type=kind).status_code == 401
    assert talk.post(body, content_type=kind).status_code == 200


def check_channel_binding():
    def bound(to):
        bindings = spnego.channel_bindings.GssChannelBindings(application_data=b"tls-server-end-point:" + to)
        return context(channel_bindings=bindings).step()

    assert Talk(True).post(IDENTIFY, bound(b"x" * 32)).status_code == 401
    assert Talk(False).post("", bound(b"x" * 32)).status_code == 401


def check_a_token_counts_once():
    client = context()
    token = client.step()
    assert Talk(True).post(IDENTIFY, token).status_code == 200
    again = Talk(True).post(IDENTIFY, token)
    assert again.status_code == 401 and told(client, again) == 34, "a replay"


def check_who_stays_out():
    assert not opens("ghost", True), "no such user"
    assert not opens("nuno/admin", True), "no user's name"
    local("Set-User nuno -RemotePowerShellEnabled $false")
    assert not opens("nuno", True) and not opens("nuno", False)
    local("Set-User nuno -RemotePowerShellEnabled $true")
    assert opens("nuno", True)
    # Of a service whose key is not in the keytab, and of one that is not asked for.
    for service in ("HTTP/other.rialto.test", "imap/mail.rialto.test"):
        name, host = service.split("/")
        client = spnego.client(f"nuno@{REALM}", "nuno", hostname=host, service=name, protocol="kerberos")
        refused = Talk(True).post(IDENTIFY, client.step())
        assert refused.status_code == 401, service
        assert told(client, refused) == 45, "no key"


def check_users_who_are_disabled_meanwhile():
    talk, client = Talk(True), context("nuno")
    assert talk.post(IDENTIFY, client.step()).status_code == 200
    local("Set-User nuno -RemotePowerShellEnabled $false")
    assert talk.post(IDENTIFY).status_code == 401
    local("Set-User nuno -RemotePowerShellEnabled $true")
    assert talk.post(IDENTIFY).status_code == 401


def check_ntlm():
    refused = Talk(True).post(IDENTIFY, spnego.client("a", "b", protocol="ntlm").step())
    assert refused.status_code == 401 and "NTLM is not offered" in refused.text, refused.text


def check_garbage():
    token = context(protocol="negotiate").step()
    bad = [b"", b"\x60", b"\x60\x84\xff\xff\xff\xff", b"\0" * 1000, token[:40], token[:-20], token[10:],
           token[:-30] + bytes([token[-30] ^ 1]) + token[-29:], b"\xa1\x07\x30\x05\xa0\x03\x0a\x01\x01",
           b"NTLMSSP\0\x03\0\0\0", token[:300] + os.urandom(len(token) - 300)]
    for number, wrong in enumerate(bad):
        assert Talk(True).post(IDENTIFY, wrong).status_code == 401, number
    headers = {"Authorization": "Negotiate " + "!" * 50_000, "Content-Type": SOAP}
    assert requests.post(URLS[True], data=IDENTIFY, headers=headers, verify=False).status_code == 401
    assert Talk(True).post(IDENTIFY, token).status_code == 200


def later_passwords_without_tls_where_they_are_asked_for():
    answer = Talk(False).post(IDENTIFY)
    assert answer.headers["WWW-Authenticate"] == "Negotiate, Kerberos, Basic realm=\"WSMAN\"", answer.headers
    for password, status in ((os.environ["ADMIN_PASSWORD"], 200), ("wrong", 401)):
        basic = requests.post(URLS[False], data=IDENTIFY, auth=(os.environ["ADMIN"], password),
                              headers={"Content-Type": SOAP})
        assert basic.status_code == status, (password, basic.status_code)
    assert opens("administrator", False)
    # Tickets still come encrypted.
    talk, client = Talk(False), context()
    assert talk.post(IDENTIFY, client.step()).status_code == 403


if __name__ == "__main__":
    urllib3.disable_warnings()
    failed = False
    for name, check in list(globals().items()):
        if name.startswith(sys.argv[1]):
            start = time.time()
            try:
                check()
            except Exception:
                failed = True
                traceback.print_exc()
            print(f"{name}: {time.time() - start:.2f} s", flush=True)
    sys.exit(failed)
