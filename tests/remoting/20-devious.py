"""devious-pypsrp, which stands on psrpcore: one pool and its pipelines, input, stop, leave and return."""
import asyncio
import os
import time

import psrp
import psrpcore.types as types

HOST, PORT = os.environ["HTTPS"].rsplit(":", 1)
USER1 = os.environ["USER1"]


def where():
    return psrp.WSManInfo(
        server=HOST, scheme="https", port=int(PORT), path="PowerShell/", verify=False, auth="basic",
        username=os.environ["ADMIN"], password=os.environ["ADMIN_PASSWORD"], operation_timeout=2,
        configuration_name="Microsoft.Exchange")


def synchronously():
    with psrp.SyncRunspacePool(where()) as pool:
        assert pool.application_private_data["PSVersionTable"]["PSVersion"].major == 5
        shell = psrp.SyncPowerShell(pool)
        shell.add_command("Get-Mailbox").add_parameter("Identity", USER1)
        [mailbox] = shell.invoke()
        assert mailbox.PrimarySmtpAddress == USER1, mailbox
        assert mailbox.PSObject.type_names[0].endswith("Exchange.Data.Directory.Management.Mailbox")

        shell = psrp.SyncPowerShell(pool)
        shell.add_command("Get-Mailbox").add_parameter("Identity", "nobody")
        shell.invoke()
        [error] = shell.streams.error
        assert error.FullyQualifiedErrorId == "ManagementObjectNotFoundException,Get-Mailbox"
        assert error.CategoryInfo.Category == types.ErrorCategory.ObjectNotFound
        assert "nobody" in error.Exception.Message

        shell = psrp.SyncPowerShell(pool)
        shell.add_command("Get-Mailbox").add_parameter("ResultSize", 1)
        shell.invoke()
        assert "more results" in shell.streams.warning[0].Message

        shell = psrp.SyncPowerShell(pool)
        shell.add_command("Set-Mailbox").add_parameters(Identity=USER1, CustomAttribute1="x", WhatIf=True)
        shell.invoke()
        assert "What if" in shell.streams.information[0].MessageData, shell.streams.information

        shell = psrp.SyncPowerShell(pool)
        shell.add_command("Get-Mailbox").add_command("Select-Object").add_parameter("Property", "Name")
        output = shell.invoke([USER1] * 300)
        assert len(output) == 300, len(output)

        meta = psrp.SyncCommandMetaPipeline(pool, "Get-Mailbox*")
        output = meta.invoke()
        assert any(getattr(o, "Name", None) == "Get-Mailbox" for o in output), output

        assert pool.set_max_runspaces(2) and pool.get_available_runspaces() == 2
        pool.exchange_key()
        domain = USER1.split("@")[1]
        shell = psrp.SyncPowerShell(pool)
        shell.add_command("New-Mailbox").add_parameters(
            Name="Eva", UserPrincipalName=f"eva@{domain}", Password=types.PSSecureString("Pa55word-of-eva"))
        [made] = shell.invoke()
        assert made.Name == "Eva" and not shell.streams.error


def leaving_and_returning():
    with psrp.SyncRunspacePool(where()) as pool:
        pool.disconnect()
        pool.connect()
        shell = psrp.SyncPowerShell(pool)
        shell.add_command("Get-Mailbox")
        assert len(shell.invoke()) >= 3


async def waiting_and_stopping():
    async with psrp.AsyncRunspacePool(where()) as pool:
        async def slowly():
            yield USER1
            await asyncio.sleep(5)
            yield USER1

        shell = psrp.AsyncPowerShell(pool)
        shell.add_command("Get-Mailbox")
        output = await shell.invoke(slowly())
        assert len(output) == 2, "the answer came after several waits"

        async def never():
            yield USER1
            await asyncio.sleep(60)

        shell = psrp.AsyncPowerShell(pool)
        shell.add_command("Get-Mailbox")
        task = asyncio.create_task(shell.invoke(never()))
        await asyncio.sleep(1)
        start = time.time()
        await shell.stop()
        assert time.time() - start < 5
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


for step in synchronously, leaving_and_returning, waiting_and_stopping:
    start = time.time()
    asyncio.run(step()) if asyncio.iscoroutinefunction(step) else step()
    print(f"{step.__name__}: {time.time() - start:.2f} s", flush=True)
