"""What breaks the protocol gets its fault, and nothing else suffers."""
import base64
import struct
import uuid

import requests
from pypsrp.complex_objects import PSInvocationState
from pypsrp.powershell import Fragment, PowerShell

from remote import ADMIN, ADMIN_PASSWORD, HOST, PORT, USER1, checks, fault_of, pool, run, wsman

URL = f"https://{HOST}:{PORT}/PowerShell/"
SOAP = "application/soap+xml;charset=UTF-8"
SCHEMA = "w:SchemaValidationError"
SELECTORS, SHELLS = 2150858843, 2150859173
CREATE_PIPELINE, PIPELINE_INPUT = 0x21006, 0x41002


def post(body):
    answer = requests.post(URL, data=body, auth=(ADMIN, ADMIN_PASSWORD), verify=False,
                           headers={"Content-Type": SOAP})
    return answer.status_code, answer.text


def message(kind, runspaces, command, text):
    return struct.pack("<II", 2, kind) + uuid.UUID(runspaces.id).bytes_le + uuid.UUID(command).bytes_le + text


def start(runspaces, text, kind=CREATE_PIPELINE, command=None, fragments=None):
    """A command whose first message holds this text; how it ended."""
    command = command or str(uuid.uuid4()).upper()
    data = fragments or Fragment(1, 0, message(kind, runspaces, command, text), True, True).pack()
    shell = PowerShell(runspaces)
    shell.id = command
    runspaces.pipelines[command] = shell
    runspaces.shell.command("", arguments=[base64.b64encode(data).decode()], command_id=command)
    shell._command_id, shell.state = command, PSInvocationState.RUNNING
    shell.end_invoke()
    return shell


def check_envelopes():
    for body in (b"", b"\0" * 1000, b"<a" * 1000, b"<a>" * 180_000,
                 b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><x>&b;</x>',
                 b"<a " + b" ".join(b"a%d=''" % n for n in range(50_000)) + b"/>",
                 b"\xff\xfe<\0a\0"):
        status, text = post(body)
        assert status == 500 and SCHEMA in text, (body[:30], status, text[:300])
    assert post(b"x" * 2_000_000)[0] == 413


def check_clixml():
    deep = b'<Obj RefId="0"><MS>' + b'<Obj N="PowerShell" RefId="1"><MS>' * 2000 + b"</MS></Obj>" * 2001
    ring = b'<Obj RefId="0"><MS><Ref N="PowerShell" RefId="0" /></MS></Obj>'
    doubled = b'<Obj RefId="0"><LST><S>x</S></LST></Obj>'
    bomb = b"<Objs>" + doubled + b"".join(
        b'<Obj RefId="%d"><LST><Ref RefId="%d" /><Ref RefId="%d" /></LST></Obj>' % (n, n - 1, n - 1)
        for n in range(1, 60)) + b"</Objs>"
    texts = [b"", b"<", b"<S>x</S>", b"\xff\xfe", deep, ring, bomb,
             b'<Obj RefId="0"><MS><S N="PowerShell">x</S></MS></Obj>',
             b'<Obj RefId="0"><MS><Obj N="PowerShell" RefId="1"><MS><S N="Cmds">x</S></MS></Obj></MS></Obj>',
             b'<Obj RefId="0"><MS><Obj N="PowerShell" RefId="1"><MS><Obj N="Cmds" RefId="2"><LST><I32>1</I32>'
             b'</LST></Obj></MS></Obj></MS></Obj>']
    with wsman() as connection, pool(connection) as runspaces:
        for text in texts:
            shell = start(runspaces, text)
            assert shell.state == PSInvocationState.FAILED, text[:60]
            assert shell.streams.error[0].fq_error == "PSRemotingDataStructure", shell.streams.error[0].fq_error
        assert len(run(runspaces, ("Get-Mailbox", {"Identity": USER1})).output) == 1


def check_fragments():
    with wsman() as connection, pool(connection) as runspaces:
        command = str(uuid.uuid4()).upper()
        whole = message(CREATE_PIPELINE, runspaces, command, b"<S>x</S>")
        for fragments in (Fragment(1, 1, whole, True, True).pack(),
                          Fragment(1, 0, whole, False, True).pack(),
                          Fragment(1, 0, whole, True, False).pack() + Fragment(1, 0, whole, True, False).pack(),
                          Fragment(1, 0, whole, True, False).pack() + Fragment(1, 5, whole, False, True).pack(),
                          struct.pack(">QQBI", 1, 0, 1, 0xffffffff),
                          b"".join(Fragment(n, 0, b"x", True, False).pack() for n in range(100))):
            assert SCHEMA in str(fault_of(lambda: start(runspaces, b"", command=command, fragments=fragments)))
        # The pool's own stream, and another pool's message: that shell may be lost, others are not.
        with wsman() as other, pool(other) as victim:
            bad = Fragment(9, 7, b"x", False, True).pack()
            assert SCHEMA in str(fault_of(lambda: victim.shell.send("stdin", bad)))
            foreign = Fragment(9, 0, message(0x21007, runspaces, str(uuid.UUID(int=0)), b"<S>x</S>"), True, True)
            assert SCHEMA in str(fault_of(lambda: victim.shell.send("stdin", foreign.pack())))
        assert len(run(runspaces, ("Get-Mailbox", {"Identity": USER1})).output) == 1


def check_names_that_are_taken_or_unknown():
    with wsman() as connection, pool(connection) as runspaces:
        first = waiting(runspaces)
        assert fault_of(lambda: waiting(runspaces, first)) == "w:AlreadyExists"
        unknown = str(uuid.uuid4()).upper()
        assert fault_of(lambda: runspaces.shell.send("stdin", b"x", command_id=unknown)) == SELECTORS
        runspaces.shell._selector_set.values[0] = ("ShellId", unknown, {})
        assert fault_of(lambda: runspaces.shell.receive("stdout")) == SELECTORS
        runspaces.shell._selector_set.values[0] = ("ShellId", runspaces.id, {})


def waiting(runspaces, command=None):
    """A command of which nothing but the beginning has come."""
    command = command or str(uuid.uuid4()).upper()
    data = base64.b64encode(Fragment(1, 0, b"x" * 100, True, False).pack()).decode()
    runspaces.shell.command("", arguments=[data], command_id=command)
    return command


def check_too_many_at_once():
    with wsman() as connection, pool(connection) as runspaces:
        for _ in range(18):
            waiting(runspaces)
        assert fault_of(lambda: waiting(runspaces)) == SHELLS
    with wsman() as connection, pool(connection) as runspaces:
        assert len(run(runspaces, ("Get-Mailbox", {"Identity": USER1})).output) == 1


def check_input_is_bounded():
    with wsman() as connection, pool(connection) as runspaces:
        command = waiting(runspaces)
        # A second message, whole, that nobody takes: the pipeline has not begun.
        big = b"<S>" + b"x" * 300_000 + b"</S>"
        sent = 0

        def flood():
            nonlocal sent
            for number in range(2, 1000):
                piece = Fragment(number, 0, message(PIPELINE_INPUT, runspaces, command, big), True, True).pack()
                runspaces.shell.send("stdin", piece, command_id=command)
                sent += len(piece)

        assert fault_of(flood) == SHELLS and sent < 40_000_000, sent
        assert len(run(runspaces, ("Get-Mailbox", {"Identity": USER1})).output) == 1


checks(dict(globals()))
