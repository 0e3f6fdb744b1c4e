"""The shell, measured beside Python: how soon it has run a command, and 10,000 objects through a pipeline into a
file, by the administration socket and by remoting (PSRP over HTTPS).

    cargo build --release && python3 bench/shell.py target/release/rialto [ROUNDS]

starts a `rialto quickstart` of its own in a temporary folder, makes shared mailboxes, and prints JSON. Times are of
whole processes, rounds interleaved, medians; ratios are to the Python that runs this. Memory is the most that was
ever resident (VmHWM), of the shell, and of the server while that shell ran."""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

BINARY = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/release/rialto")
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 50
PIPELINE_ROUNDS = 5
SIZES = (1_000, 10_000)
ALL = "Get-Mailbox -ResultSize Unlimited"
CHOICE = "Where-Object { $_.Name -like 'measured*' } | Select-Object Name, PrimarySmtpAddress"
# What the pipeline writes, written by Python's csv module.
PYTHON_ROWS = """import csv, sys
with open(sys.argv[1], "w", newline="") as out:
    rows = csv.writer(out, quoting=csv.QUOTE_ALL)
    rows.writerow(["Name", "PrimarySmtpAddress"])
    for n in range(1, int(sys.argv[2]) + 1):
        rows.writerow([f"measured{n}", f"measured{n}@rialto.test"])
"""


def seconds(*command):
    """How long a program ran, and how much of a processor it took."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command}: {status}")
    process.returncode = 0
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def ms(values):
    return round(statistics.median(values) * 1000, 1)


def high_water(pid):
    """The most memory a process has had, MiB; None once it is gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            found = [line for line in status if line.startswith("VmHWM")]
            return int(found[0].split()[1]) / 1024 if found else None
    except OSError:
        return None


class Server:
    """A quickstart server and shells on it."""

    def __init__(self, folder):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        command = [BINARY, "quickstart", "--json", "--data", self.data, "--ports-from", "28025"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.ready = json.loads(self.process.stdout.readline())

    def command(self, text):
        return [BINARY, "shell", "--data", self.data, "-Command", text]

    def run(self, text):
        """Seconds until the first byte and until the end, and the most memory of shell and server, MiB."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as clear:
            clear.write("5")
        start = time.perf_counter()
        shell = subprocess.Popen(self.command(text), stdout=subprocess.PIPE)
        first = None
        os.set_blocking(shell.stdout.fileno(), False)
        memory = 0
        # The status outlives the process until it is waited for, but its memory does not.
        while shell.poll() is None:
            memory = max(memory, high_water(shell.pid) or 0)
            if shell.stdout.read() and first is None:
                first = time.perf_counter() - start
            time.sleep(0.002)
        total = time.perf_counter() - start
        if shell.returncode:
            sys.exit(f"{text}: {shell.returncode}")
        return first, total, memory, high_water(self.process.pid)

    def session(self):
        """What opens a session on itself, as a script."""
        admin = self.ready["admin"]
        return (f"$p = ConvertTo-SecureString '{admin['password']}' -AsPlainText -Force; "
                f"$c = New-Object System.Management.Automation.PSCredential('{admin['address']}', $p); "
                f"$s = New-PSSession -ConfigurationName Microsoft.Exchange -Authentication Basic -Credential $c "
                f"-ConnectionUri https://{self.ready['https']}/PowerShell/ "
                "-SessionOption (New-PSSessionOption -SkipCACheck -SkipCNCheck); ")


def startup(server):
    ways = {
        "python": [sys.executable, "-c", "pass"],
        "standalone": [BINARY, "shell", "--standalone", "-Command", "1"],
        "connected": server.command("1"),
        "first_cmdlet": server.command("Get-AcceptedDomain"),
    }
    times = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, command in ways.items():
            times[name].append(seconds(*command))
    figures = {}
    for name, values in times.items():
        for what, at in (("ms", 0), ("cpu_ms", 1)):
            figures[f"{name}_{what}"] = ms([value[at] for value in values])
            figures[f"{name}_{what[:-2]}ratio"] = round(
                statistics.median(value[at] for value in values)
                / statistics.median(value[at] for value in times["python"]), 2)
    return figures


def pipelines(server, size):
    """The same rows through the socket, through remoting, and by Python."""
    csv = os.path.join(server.folder, "rows.csv")
    export = f"{CHOICE} | Export-Csv '{csv}' -NoTypeInformation"
    ways = {
        "socket": f"{ALL} | {export}",
        "psrp": server.session() + f"Invoke-Command -Session $s {{ {ALL} }} | {export}",
        "psrp_chosen_there": server.session()
        + f"Invoke-Command -Session $s {{ {ALL} | Select-Object Name, PrimarySmtpAddress }} | {export}",
    }
    figures = {"objects": size}
    runs = {name: [] for name in ways}
    python, nothing, first = [], [], []
    for _ in range(PIPELINE_ROUNDS):
        for name, text in ways.items():
            runs[name].append(server.run(text))
            with open(csv) as file:
                lines = sum(1 for _ in file)
            if lines != size + 1:
                sys.exit(f"{name}: {lines} lines")
        python.append(seconds(sys.executable, "-c", PYTHON_ROWS, csv, str(size))[0])
        nothing.append(server.run("1")[1])
        first.append(server.run(f"{ALL} | ForEach-Object {{ $_.Name }}")[:2])
    began = statistics.median(nothing)
    for name, values in runs.items():
        took = statistics.median(run[1] for run in values)
        figures |= {
            f"{name}_ms": round(took * 1000, 1),
            f"{name}_objects_per_s": round(size / (took - began)),
            f"{name}_to_python": round(took / statistics.median(python), 2),
            f"{name}_shell_mib": round(max(run[2] for run in values), 1),
            f"{name}_server_mib": round(max(run[3] for run in values), 1),
        }
    figures["python_ms"] = ms(python)
    figures["first_object_ms"] = ms([run[0] - began for run in first])
    figures["last_object_ms"] = ms([run[1] - began for run in first])
    return figures


with tempfile.TemporaryDirectory(prefix="rialto-bench-") as folder:
    server = Server(folder)
    try:
        results = {"startup": startup(server), "pipelines": []}
        made = 0
        for size in SIZES:
            server.run(f"{made + 1}..{size} | ForEach-Object {{ New-Mailbox -Shared -Name \"measured$_\" }} | Out-Null")
            made = size
            results["pipelines"].append(pipelines(server, size))
        print(json.dumps(results, indent=1))
    finally:
        server.process.terminate()
        server.process.wait()
