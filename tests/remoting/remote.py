"""What the programs here share: who and where, a connection, and runs of commands."""
import os
import time
import warnings

from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

warnings.filterwarnings("ignore")

HOST, PORT = os.environ["HTTPS"].rsplit(":", 1)
PORT = int(PORT)
ADMIN, ADMIN_PASSWORD = os.environ["ADMIN"], os.environ["ADMIN_PASSWORD"]
USER1, PASSWORD1 = os.environ["USER1"], os.environ["PASSWORD1"]
CONFIGURATION = "Microsoft.Exchange"


def wsman(user=ADMIN, password=ADMIN_PASSWORD, path="PowerShell/", **options):
    return WSMan(HOST, port=PORT, username=user, password=password, ssl=True, auth="basic",
                 cert_validation=False, path=path, **options)


def pool(connection, **options):
    return RunspacePool(connection, configuration_name=CONFIGURATION, **options)


def command(runspaces, *commands):
    """A pipeline of commands, each a name and a dictionary of parameters."""
    shell = PowerShell(runspaces)
    for name, parameters in commands:
        shell.add_cmdlet(name)
        shell.add_parameters(parameters)
    return shell


def run(runspaces, *commands, **options):
    shell = command(runspaces, *commands)
    shell.invoke(**options)
    return shell


def fault_of(action):
    """The code of the fault an action ends with."""
    from pypsrp.exceptions import WSManFaultError
    try:
        action()
    except WSManFaultError as fault:
        return fault.code
    raise AssertionError("no fault")


def checks(of):
    """Runs all functions of a program whose names begin with check_, and says how long each took."""
    for name, check in list(of.items()):
        if name.startswith("check_"):
            start = time.time()
            check()
            print(f"{name[6:]}: {time.time() - start:.2f} s", flush=True)
