"""pypsrp: open, run, every stream that cmdlets use, much input and output, stop, wait, leave and return."""
import re
import threading
import time

import pypsrp.wsman
from pypsrp.complex_objects import (
    ApartmentState,
    HostInfo,
    Pipeline,
    PSInvocationState,
    RemoteStreamOptions,
)
from pypsrp.exceptions import AuthenticationError
from pypsrp.host import PSHost, PSHostUserInterface
from pypsrp.messages import CreatePipeline, EndOfPipelineInput
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.serializer import TaggedValue

from remote import ADMIN, CONFIGURATION, PASSWORD1, USER1, checks, command, fault_of, pool, run, wsman


def fed(runspaces, name):
    """A pipeline that waits for input."""
    shell = PowerShell(runspaces)
    shell.add_cmdlet(name)
    pipeline = Pipeline(is_nested=False, cmds=shell.commands, history=None, redirect_err_to_out=False)
    shell._invoke(CreatePipeline(False, ApartmentState(value=2), RemoteStreamOptions(value=0), False,
                                 HostInfo(host=None), pipeline, False))
    return shell


def end_input(runspaces, shell):
    for fragment in runspaces._fragmenter.fragment(EndOfPipelineInput(), runspaces.id, shell.id):
        runspaces.shell.send("stdin", fragment, command_id=shell._command_id)


def check_opens():
    for path in "PowerShell/", "PowerShell", "wsman", "PowerShell/?PSVersion=5.1.14393.0":
        with wsman(path=path) as connection, pool(connection) as runspaces:
            assert runspaces.protocol_version == "2.3", runspaces.protocol_version
            table = runspaces.application_private_data.data["PSVersionTable"]
            assert table["PSRemotingProtocolVersion"] == "2.3" and table["PSVersion"].startswith("5.1"), table
            assert connection.max_envelope_size == 512000 or connection.max_payload_size > 300000
            assert runspaces.get_available_runspaces() == 1
            runspaces.max_runspaces = 3
            assert runspaces.get_available_runspaces() == 3
            assert runspaces.is_alive()


def check_objects_are_flat():
    with wsman() as connection, pool(connection) as runspaces:
        shell = run(runspaces, ("Get-Mailbox", {"Identity": USER1}))
        [mailbox] = shell.output
        assert mailbox.types[0] == "Microsoft.Exchange.Data.Directory.Management.Mailbox", mailbox.types
        properties = mailbox.adapted_properties
        assert properties["PrimarySmtpAddress"] == USER1, properties["PrimarySmtpAddress"]
        assert properties["ProhibitSendQuota"] == "Unlimited"
        assert properties["RecoverableItemsQuota"] == "30 GB (32,212,254,720 bytes)"
        assert list(properties["EmailAddresses"]) == [f"SMTP:{USER1}"], properties["EmailAddresses"]
        assert shell.state == PSInvocationState.COMPLETED and not shell.had_errors


def check_arguments_bind_as_typed():
    with wsman() as connection, pool(connection) as runspaces:
        def names(*arguments):
            shell = PowerShell(runspaces)
            shell.add_cmdlet("Get-Mailbox")
            for name, value in arguments:
                shell.add_argument(value) if name is None else shell.add_parameter(name, value)
            shell.invoke()
            return [m.adapted_properties["PrimarySmtpAddress"] for m in shell.output], shell

        for arguments in [("-Identity:", USER1)], [("-Identity", None), (None, USER1)], [("Identity", USER1)], \
                [("ident", USER1)], [(None, USER1)], [("\u2013Identity", None), (None, USER1)]:
            assert names(*arguments)[0] == [USER1], arguments
        _, shell = names(("Nonsense", 1))
        assert shell.state == PSInvocationState.FAILED
        assert "NamedParameterNotFound" in shell.streams.error[0].fq_error, shell.streams.error[0].fq_error
        shell = run(runspaces, ("Get-Nonsense", {}))
        assert shell.state == PSInvocationState.FAILED
        assert "CommandNotFoundException" in shell.streams.error[0].fq_error


def check_scripts_are_refused():
    with wsman() as connection, pool(connection) as runspaces:
        shell = PowerShell(runspaces).add_script("Get-Mailbox; 1+1")
        shell.invoke()
        assert shell.state == PSInvocationState.FAILED and shell.output == []
        assert shell.streams.error[0].fq_error == "ScriptsNotAllowed", shell.streams.error[0].fq_error
        for name in "Invoke-Expression", "ForEach-Object", "Get-Variable", "Invoke-Command", "Get-Content":
            shell = run(runspaces, (name, {}))
            assert "CommandNotFoundException" in shell.streams.error[0].fq_error, name


def check_streams():
    with wsman() as connection, pool(connection) as runspaces:
        shell = run(runspaces, ("Get-Mailbox", {"Identity": "nobody"}))
        [error] = shell.streams.error
        assert error.fq_error == "ManagementObjectNotFoundException,Get-Mailbox", error.fq_error
        assert error.category == 13 and error.target_name == "nobody", (error.category, error.target_name)
        assert "nobody" in str(error) and shell.state == PSInvocationState.COMPLETED
        shell = run(runspaces, ("Get-Mailbox", {"ResultSize": 1}))
        assert len(shell.output) == 1 and len(shell.streams.warning) == 1, shell.streams.warning
        assert "more results" in shell.streams.warning[0].message
        shell = run(runspaces, ("Set-Mailbox", {"Identity": USER1, "CustomAttribute1": "x", "WhatIf": True}))
        [said] = shell.streams.information
        assert "What if" in said.message_data, said.message_data
        shell = run(runspaces, ("Get-Mailbox", {"Identity": USER1, "Verbose": True, "Debug": True}))
        assert len(shell.output) == 1
        assert ADMIN in shell.streams.verbose[0].message, shell.streams.verbose
        assert "Identity" in shell.streams.debug[0].message, shell.streams.debug
        shell = run(runspaces, ("Get-Mailbox", {"Identity": USER1}))
        assert shell.streams.verbose == [] and shell.streams.debug == [], shell.streams.verbose
        shell = run(runspaces, ("Test-AdminAuditLogIntegrity", {}))
        assert shell.streams.progress and "audit log" in shell.streams.progress[0].activity, shell.streams.progress
        shell = command(runspaces, ("Get-Mailbox", {"Identity": "nobody"}))
        shell.merge_error("output")
        shell.invoke()
        assert len(shell.output) == 1 and shell.streams.error == []


def check_much_output_and_input():
    with wsman() as connection, pool(connection) as runspaces:
        for number in range(50):
            shell = run(runspaces, ("New-MailContact", {
                "Name": f"contact{number}", "ExternalEmailAddress": f"contact{number}@ext.example"}))
            assert not shell.streams.error, [str(e) for e in shell.streams.error]
        names = [f"contact{number % 50}" for number in range(2500)]
        start = time.time()
        shell = run(runspaces, ("Get-MailContact", {}), ("Select-Object", {"Property": ["Name", "Guid"]}), input=names)
        took = time.time() - start
        got = [o.extended_properties["Name"] for o in shell.output]
        assert got == names, (len(got), [str(e) for e in shell.streams.error[:1]])
        print(f"  2500 objects in and out: {took:.2f} s")
        large = "0123456789" * 500_000
        shell = run(runspaces, ("Measure-Object", {"Character": None}), input=[large])
        assert shell.output[0].adapted_properties.get(
            "Characters", shell.output[0].extended_properties.get("Characters")) == len(large)


def check_small_envelopes():
    with wsman(max_envelope_size=20480) as connection, pool(connection) as runspaces:
        seen = []
        send = connection.transport.send
        connection.transport.send = lambda *a, **k: seen.append(send(*a, **k)) or seen[-1]
        shell = run(runspaces, ("Get-Mailbox", {}))
        assert len(shell.output) >= 3
        assert max(map(len, seen)) <= 20480, max(map(len, seen))


def check_a_pipeline_stops():
    with wsman() as connection, pool(connection) as runspaces:
        shell = fed(runspaces, "Get-Mailbox")
        start = time.time()
        shell.stop()
        shell.runspace_pool.pipelines[shell.id] = shell
        shell.state = PSInvocationState.RUNNING
        shell.end_invoke()
        assert shell.state == PSInvocationState.STOPPED and time.time() - start < 5
        assert shell.streams.error[0].fq_error == "PipelineStopped"
        assert len(run(runspaces, ("Get-Mailbox", {"Identity": USER1})).output) == 1


def check_waits_are_repeated():
    with wsman(operation_timeout=1) as connection, pool(connection) as runspaces:
        shell = fed(runspaces, "Get-Mailbox")
        start = time.time()
        shell.poll_invoke()
        assert shell.state == PSInvocationState.RUNNING and 0.9 < time.time() - start < 5
        end_input(runspaces, shell)
        shell.end_invoke()
        assert shell.state == PSInvocationState.COMPLETED


def check_leaving_and_returning():
    with wsman() as connection, pool(connection) as runspaces:
        shell = fed(runspaces, "Get-Mailbox")
        runspaces.disconnect()
        assert not runspaces.is_alive(), "a disconnected pool says so"
        runspaces.state = 9
        runspaces.connect()
        shell.state = PSInvocationState.RUNNING
        end_input(runspaces, shell)
        shell.end_invoke()
        assert shell.state == PSInvocationState.COMPLETED
        assert len(run(runspaces, ("Get-Mailbox", {"Identity": USER1})).output) == 1


def check_another_client_takes_over():
    first = wsman()
    runspaces = pool(first)
    runspaces.open()
    shell = command(runspaces, ("Get-Mailbox", {}))
    shell.begin_invoke()
    runspaces.disconnect()
    with wsman() as second:
        found = {p.id.upper(): p for p in RunspacePool.get_runspace_pools(second)}
        taken = found[runspaces.id.upper()]
        taken.shell.resource_uri = f"http://schemas.microsoft.com/powershell/{CONFIGURATION}"
        taken.connect()
        [shell] = taken.create_disconnected_power_shells()
        output = shell.connect()
        assert len(output) >= 3, output
        taken.close()
    with wsman(USER1, PASSWORD1) as stranger:
        assert runspaces.id.upper() not in {p.id.upper() for p in RunspacePool.get_runspace_pools(stranger)}


def check_metadata():
    with wsman() as connection, pool(connection) as runspaces:
        commands = runspaces.get_command_metadata(["Get-Mail*", "Get-FormatData", "Select-Object"])
        by_name = {c.name: c for c in commands}
        assert {"Get-Mailbox", "Get-MailContact", "Get-FormatData", "Select-Object"} <= set(by_name), list(by_name)
        parameters = by_name["Get-Mailbox"].parameters
        assert {"Identity", "ResultSize", "Verbose", "ErrorAction", "OutVariable"} <= set(parameters), list(parameters)
        assert parameters["Verbose"].switch_parameter and not parameters["Identity"].switch_parameter
        # What Import-PSSession asks after that.
        shell = run(runspaces, ("Get-FormatData", {"TypeName": ["*"]}), ("Measure-Object", {}))
        assert len(shell.output) == 1 and not shell.streams.error
        shell = run(runspaces, ("Get-Command", {"Name": ["Get-Mailbox", "Out-Default"]}))
        assert len(shell.output) == 2, shell.output
        shell = run(runspaces, ("Get-Command", {"Name": ["Invoke-Expression"]}))
        assert not shell.output and shell.streams.error


def check_proxies():
    with wsman() as connection, pool(connection) as runspaces:
        many = run(runspaces, ("Get-Mailbox", {}), *[("Select-Object", {"Property": ["Name"]})] * 31)
        assert len(many.output) >= 3 and not many.streams.error
        too_many = run(runspaces, ("Get-Mailbox", {}), *[("Select-Object", {"Property": ["Name"]})] * 32)
        assert too_many.state == PSInvocationState.FAILED and too_many.output == []
        assert len(run(runspaces, ("Get-Mailbox", {}), ("Out-Default", {})).output) >= 3
        assert run(runspaces, ("Get-Help", {"Name": "Get-Mailbox"})).output
        for name in "Clear-Host", "Exit-PSSession":
            assert run(runspaces, (name, {})).state == PSInvocationState.COMPLETED
        # A script as a calculated property runs nothing.
        chosen = {"Name": "x", "Expression": TaggedValue("SBK", "Remove-Mailbox nuno")}
        shell = run(runspaces, ("Get-Mailbox", {}), ("Select-Object", {"Property": [chosen]}))
        assert all(o.extended_properties["x"] is None for o in shell.output)
        stopped = run(runspaces, ("Get-Mailbox", {"Identity": "nobody", "ErrorAction": "Stop"}))
        assert stopped.state == PSInvocationState.FAILED


class Answering(PSHostUserInterface):
    def __init__(self, answer):
        super().__init__()
        self.answer, self.asked = answer, []

    def PromptForChoice(self, runspace, pipeline, caption, message, choices, default_choice):
        self.asked.append((caption, message))
        return self.answer


def check_questions():
    with wsman() as connection, pool(connection) as runspaces:
        run(runspaces, ("New-MailContact", {"Name": "asked", "ExternalEmailAddress": "asked@ext.example"}))
        shell = run(runspaces, ("Remove-MailContact", {"Identity": "asked"}))
        left = run(runspaces, ("Get-MailContact", {"Identity": "asked"}))
        assert len(left.output) == 1, "nobody could say yes"
    ui = Answering(0)
    with wsman() as connection, pool(connection, host=PSHost(None, None, False, "x", None, ui, "1.0")) as runspaces:
        run(runspaces, ("Remove-MailContact", {"Identity": "asked"}))
        assert len(ui.asked) == 1, ui.asked
        left = run(runspaces, ("Get-MailContact", {"Identity": "asked"}))
        assert left.output == []


def check_secrets():
    with wsman() as connection, pool(connection) as runspaces:
        runspaces.exchange_keys()
        secret = TaggedValue("SS", "Pa55word-of-rui")
        shell = run(runspaces, ("New-Mailbox", {
            "Name": "Rui", "UserPrincipalName": "rui@" + ADMIN.split("@")[1], "Password": secret}))
        assert not shell.streams.error, [str(e) for e in shell.streams.error]
        assert len(shell.output) == 1
    # The password is right: what is refused is something else, if anything.
    try:
        with wsman("rui@" + ADMIN.split("@")[1], "Pa55word-of-rui") as connection, pool(connection):
            pass
    except pypsrp.wsman.WSManFaultError as fault:
        assert fault.code == 5, fault.code
    try:
        pool(wsman("rui@" + ADMIN.split("@")[1], "wrong")).open()
        raise AssertionError("a wrong password")
    except AuthenticationError:
        pass


def check_configurations():
    """Two session configurations side by side: one shows what its pattern says, and nothing else exists in it."""
    with wsman() as connection, pool(connection) as exchange, \
            wsman() as other, RunspacePool(other, configuration_name="DirectorySync") as sync:
        names = {c.name for c in sync.get_command_metadata(["*"])}
        assert {"Get-User", "Get-Group", "Select-Object", "Get-FormatData"} <= names, names
        assert not {"Get-Mailbox", "Set-User", "New-Mailbox"} & names, names
        assert [c.name for c in exchange.get_command_metadata(["Get-Mailbox"])] == ["Get-Mailbox"]
        [user] = run(sync, ("Get-User", {"Identity": USER1})).output
        assert user.adapted_properties["WindowsEmailAddress"] == USER1
        for command in ("Get-Mailbox", {"Identity": USER1}), ("Set-User", {"Identity": USER1, "City": "x"}):
            shell = run(sync, command)
            assert "CommandNotFoundException" in shell.streams.error[0].fq_error, shell.streams.error[0].fq_error
        shell = run(sync, ("Get-Command", {"Name": ["Get-Mailbox"]}))
        assert not shell.output and shell.streams.error
        assert len(run(exchange, ("Get-Mailbox", {"Identity": USER1})).output) == 1
    # What roles do not allow, no configuration gives back.
    with wsman(USER1, PASSWORD1) as connection, \
            RunspacePool(connection, configuration_name="DirectorySync") as runspaces:
        shell = run(runspaces, ("Set-User", {"Identity": USER1, "City": "x"}))
        assert "CommandNotFoundException" in shell.streams.error[0].fq_error


def check_answers_that_were_lost():
    """The connection breaks after a request and before its answer was read; the request is sent again."""
    with wsman() as connection, pool(connection) as runspaces:
        requests, received = connection.transport.send, []

        def streams_of(answer):
            return re.findall(rb"<rsp:Stream.*?</rsp:Stream>", answer)

        def send(*message, **options):
            lost, again = requests(*message, **options), requests(*message, **options)
            assert streams_of(again) == streams_of(lost), "another answer than before"
            received.extend(streams_of(again))
            return again

        connection.transport.send = send
        try:
            texts = ["x" * number for number in range(200)]
            shell = run(runspaces, ("Select-Object", {"Property": ["Length"]}), input=texts)
        finally:
            connection.transport.send = requests
        assert [o.extended_properties["Length"] for o in shell.output] == list(range(200))
        assert shell.state == PSInvocationState.COMPLETED and received


def check_refusals():
    with wsman() as connection:
        runspaces = RunspacePool(connection, configuration_name="Microsoft.Nonsense")
        assert fault_of(runspaces.open) == 2150858811
    with wsman() as connection, pool(connection) as runspaces:
        # Another user's shell is none.
        with wsman(USER1, PASSWORD1) as stranger:
            theirs = pool(stranger)
            theirs.id = theirs.shell.id = runspaces.id
            theirs.shell._selector_set = runspaces.shell._selector_set
            theirs.state = 2
            assert fault_of(lambda: theirs.shell.command("", [], command_id=None)) == 2150858843
        shell = run(runspaces, ("Get-Mailbox", {"Identity": USER1}))
        assert fault_of(lambda: runspaces.shell.receive("stdout", command_id=shell._command_id)) == 2150858843


def check_roles():
    """Somebody who administers nothing but themselves: what they may not use does not exist."""
    with wsman(USER1, PASSWORD1) as connection, pool(connection) as runspaces:
        commands = {c.name: c for c in runspaces.get_command_metadata("*")}
        assert "Get-Mailbox" in commands and "Remove-Mailbox" not in commands, list(commands)
        assert "ProhibitSendQuota" not in commands["Set-Mailbox"].parameters
        shell = run(runspaces, ("Remove-Mailbox", {"Identity": USER1}))
        assert "CommandNotFoundException" in shell.streams.error[0].fq_error
        shell = run(runspaces, ("Set-Mailbox", {"Identity": USER1, "ProhibitSendQuota": "1GB"}))
        assert "NamedParameterNotFound" in shell.streams.error[0].fq_error
        shell = run(runspaces, ("Get-Mailbox", {}))
        assert [m.adapted_properties["PrimarySmtpAddress"] for m in shell.output] == [USER1]


def check_sessions_are_counted():
    open_ones = []
    try:
        for _ in range(18):
            connection = wsman()
            open_ones.append(pool(connection))
            open_ones[-1].open()
        assert fault_of(lambda: pool(wsman()).open()) == 2150859173
    finally:
        for one in open_ones:
            one.close()
    with wsman() as connection, pool(connection):
        pass


def check_many_at_once():
    problems = []

    def work():
        try:
            with wsman() as connection, pool(connection) as runspaces:
                for _ in range(10):
                    assert len(run(runspaces, ("Get-AcceptedDomain", {})).output) == 1
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not problems, problems


checks(dict(globals()))
