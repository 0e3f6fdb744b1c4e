"""ansible-core's psrp connection plugin: it opens the runspace pool; a pipeline runs in it."""
import os

from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

from remote import CONFIGURATION, USER1, run

host, port = os.environ["HTTPS"].rsplit(":", 1)
connection = connection_loader.get("psrp", PlayContext(), "/dev/null")
connection.set_options(var_options={"_extras": {}}, direct={
    "remote_addr": host,
    "port": int(port),
    "remote_user": os.environ["ADMIN"],
    "remote_password": os.environ["ADMIN_PASSWORD"],
    "protocol": "https",
    "path": "PowerShell/",
    "auth": "basic",
    "cert_validation": "ignore",
    "configuration_name": CONFIGURATION,
})
connection._connect()
try:
    assert connection._connected and connection.runspace.protocol_version == "2.3"
    shell = run(connection.runspace, ("Get-Mailbox", {"Identity": USER1}))
    assert shell.output[0].adapted_properties["PrimarySmtpAddress"] == USER1
    # A task of Ansible's own is a script, which this session does not take.
    status, _, errors = connection._exec_psrp_script("Get-Mailbox")
    assert status != 0 and b"ScriptsNotAllowed" in errors or b"not supported by this runspace" in errors, errors
finally:
    connection.close()
