//! `rialto shell --standalone` as an administrator's own shell, against a running server over HTTPS: sessions,
//! imported commands, certificates, secrets, broken connections and Ctrl+C.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use xtask::server::{self, Launch, Server};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

struct House {
    server: Server,
    _folder: tempfile::TempDir,
}

/// What a shell said, and how it ended.
struct Said {
    out: String,
    errors: String,
    code: Option<i32>,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().replace('\r', "");
        Said { out: text(output.stdout), errors: text(output.stderr), code: output.status.code() }
    }
}

impl House {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let binary = server::named_or(env!("CARGO_BIN_EXE_rialto"));
        let server = Server::start(Launch::new(&binary, folder.path()).unwrap()).unwrap();
        House { server, _folder: folder }
    }

    fn https(&self) -> String {
        self.server.address("https").unwrap()
    }

    /// A shell that knows `$exchange` and `$sync`, the parameters of `New-PSSession` for two configurations.
    fn shell(&self, address: &str, script: &str) -> Command {
        let admin = &self.server.ready().admin;
        let known = format!(
            "$password = ConvertTo-SecureString '{}' -AsPlainText -Force; \
             $credential = New-Object PSCredential('{}', $password); \
             $trusting = New-PSSessionOption -SkipCACheck -SkipCNCheck; \
             $exchange = @{{ ConnectionUri = 'https://{address}/PowerShell/'; Authentication = 'Basic'; \
                             Credential = $credential; ConfigurationName = 'Microsoft.Exchange'; \
                             SessionOption = $trusting }}; \
             $sync = $exchange.Clone(); $sync.ConfigurationName = 'DirectorySync'; {script}",
            admin.password, admin.address
        );
        let mut command = Command::new(&self.server.launch().binary);
        command.args(["shell", "--standalone", "-Command", &known]);
        command.env("NO_COLOR", "1").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, script: &str) -> Said {
        self.shell(&self.https(), script).output().unwrap().into()
    }

    /// What a script prints that must not fail.
    fn says(&self, script: &str) -> String {
        let said = self.run(script);
        assert_eq!((&*said.errors, said.code), ("", Some(0)), "{script}\n{}", said.out);
        said.out
    }

    /// What a script complains of, in one line.
    fn fails(&self, script: &str) -> String {
        let said = self.run(script);
        assert_eq!((&*said.out, said.code), ("", Some(1)), "{script}\n{}", said.errors);
        said.errors.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn a_shell_of_its_own_administers_a_server() {
    let house = House::open();
    two_configurations(&house);
    wishes_travel(&house);
    one_enters_leaves_and_returns(&house);
    secrets_travel(&house);
    doors_that_stay_shut(&house);
    nothing_is_lost_with_a_connection(&house);
    interrupted(&house);
}

/// S14: two services in one shell.
fn two_configurations(house: &House) {
    let said = house.says(
        "$a = New-PSSession @exchange; $b = New-PSSession @sync; \
         $null = Import-PSSession $a; $null = Import-PSSession $b -Prefix Sync; \
         (Get-Mailbox nuno).Name; (Get-SyncUser nuno).Name; (Get-User ana).Name; \
         [bool](Get-Command Get-SyncMailbox -ErrorAction SilentlyContinue); \
         Remove-PSSession $b; \
         [bool](Get-Command Get-SyncUser -ErrorAction SilentlyContinue); (Get-Mailbox ana).Name; \
         Remove-PSSession $a; [bool](Get-Command Get-Mailbox -ErrorAction SilentlyContinue)",
    );
    assert_eq!(said, "Nuno Mota\nNuno Mota\nAna Silva\nFalse\nFalse\nAna Silva\nFalse");
    // What is there is not replaced, but with -AllowClobber.
    let said = house.run(
        "function Get-User { 'mine' }; $b = New-PSSession @sync; $null = Import-PSSession $b; Get-User nuno; \
         $null = Import-PSSession $b -AllowClobber; (Get-User nuno).Name",
    );
    assert_eq!(said.out, "mine\nNuno Mota");
    let said = said.errors.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("WARNING: Proxy creation has been skipped for the following command"), "{said}");
    assert!(said.contains("'Get-User'"), "{said}");
    let said = house.fails("$sync.ConfigurationName = 'DirectorySynk'; New-PSSession @sync");
    assert!(
        said.contains("Cannot find the DirectorySynk session configuration on the MAIL computer"),
        "{said}"
    );
    assert!(said.contains("InvalidResourceUri,PSSessionOpenFailed"), "{said}");
    assert!(
        said.starts_with("New-PSSession : [127.0.0.1] Connecting to remote server 127.0.0.1 failed"),
        "{said}"
    );
    let category =
        "OpenError: (System.Manageme....RemoteRunspace:RemoteRunspace) [New-PSSession], PSRemotingTransport";
    assert!(said.contains("At line:1 char:") && said.contains(category), "{said}");
    let said = house.fails("$sync.ConfigurationName = 'DirectorySynk'; Invoke-Command @sync { Get-User }");
    assert!(
        said.starts_with("[127.0.0.1] Connecting to")
            && said.contains("InvalidResourceUri,PSSessionStateBroken"),
        "{said}"
    );
}

fn wishes_travel(house: &House) {
    let said = house.says(
        "$null = Import-PSSession (New-PSSession @exchange); \
         Remove-Mailbox ana -WhatIf; Set-Mailbox ana -CustomAttribute1 x -WhatIf; (Get-Mailbox ana).CustomAttribute1; \
         Get-Mailbox ana | Remove-Mailbox -WhatIf; \
         $null = New-MailContact -Name Rui -ExternalEmailAddress rui@ext.example; \
         Remove-MailContact Rui -Confirm:$false; @(Get-MailContact).Count",
    );
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.iter().filter(|line| line.starts_with("What if: ")).count(), 3, "{said}");
    assert_eq!(lines.last(), Some(&"0"), "{said}");
    let said = house.fails("$null = Import-PSSession (New-PSSession @exchange); Remove-Mailbox ana");
    assert!(said.contains("-Confirm:$false"), "{said}");
}

fn one_enters_leaves_and_returns(house: &House) {
    let said = house.says(
        "$s = New-PSSession @exchange; Disconnect-PSSession $s | % { \"$($_.State)\" }; \
         try { Invoke-Command -Session $s { Get-Mailbox } } catch { 'not now' }; \
         Connect-PSSession $s | % { \"$($_.State)\" }; \
         $who = 'nuno'; Invoke-Command -Session $s -ScriptBlock { Get-Mailbox $using:who } | % Name",
    );
    assert_eq!(said, "Disconnected\nnot now\nOpened\nNuno Mota");
    // Lines from a pipe are lines at the prompt.
    let shell = house.shell(&house.https(), "");
    let known = shell.get_args().last().unwrap().to_string_lossy().into_owned();
    let mut child = Command::new(shell.get_program());
    child.args(["shell", "--standalone"]).env("NO_COLOR", "1");
    let mut child =
        child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = "\nEnter-PSSession @exchange\nGet-Mailbox nuno | Select-Object Name | Measure-Object -Line\n\
                 Get-AcceptedDomain | Select-Object -ExpandProperty Name\nexit\n'back'\n1 + 1\n";
    child.stdin.take().unwrap().write_all(format!("{known}{lines}").as_bytes()).unwrap();
    let said = Said::from(child.wait_with_output().unwrap());
    assert_eq!((&*said.errors, said.code), ("", Some(0)), "{}", said.out);
    assert!(said.out.contains("rialto.test") && said.out.ends_with("back\n2"), "{}", said.out);
}

fn secrets_travel(house: &House) {
    let said = house.says(
        "$null = Import-PSSession (New-PSSession @exchange); \
         $new = ConvertTo-SecureString 'Pa55word of Zoe' -AsPlainText -Force; \
         $null = New-Mailbox -Name Zoe -UserPrincipalName zoe@rialto.test -Password $new; \
         $exchange.Credential = New-Object PSCredential('zoe@rialto.test', $new); \
         (Invoke-Command -Session (New-PSSession @exchange) { Get-Mailbox }).Name",
    );
    assert_eq!(said, "Zoe");
}

fn doors_that_stay_shut(house: &House) {
    let unknown = house.fails("$exchange.SessionOption = New-PSSessionOption; New-PSSession @exchange");
    assert!(unknown.contains("signed by an unknown certificate authority"), "{unknown}");
    assert!(unknown.contains("-SkipCACheck") && unknown.contains("12175,PSSessionOpenFailed"), "{unknown}");
    // One that is trusted here, but under another name than the certificate's.
    let port = house.https().rsplit(':').next().unwrap().to_owned();
    let checked = |address: &str| {
        let script = "$exchange.SessionOption = New-PSSessionOption; \"$((New-PSSession @exchange).State)\"";
        let mut shell = house.shell(address, script);
        shell.env("SSL_CERT_FILE", &house.server.ready().certificate);
        Said::from(shell.output().unwrap())
    };
    let trusted = checked(&format!("localhost:{port}"));
    assert_eq!((&*trusted.out, &*trusted.errors), ("Opened", ""));
    let other = checked(&between("127.0.0.2", house.https(), 0, 0).0).errors;
    assert!(other.contains("does not match the hostname"), "{other}");
    let wrong = house.fails(
        "$wrong = ConvertTo-SecureString wrong -AsPlainText -Force; \
         $exchange.Credential = New-Object PSCredential($credential.UserName, $wrong); New-PSSession @exchange",
    );
    assert!(
        wrong.contains("Access is denied") && wrong.contains("AccessDenied,PSSessionOpenFailed"),
        "{wrong}"
    );
    let plain = house.fails(
        "$exchange.ConnectionUri = $exchange.ConnectionUri.Replace('https', 'http'); New-PSSession @exchange",
    );
    assert!(plain.contains("UnencryptedDisabled"), "{plain}");
}

/// Between shells and a server, at an address of its own: cuts some connections in the middle of what the server
/// says.
fn between(at: &str, to: String, cuts: usize, after: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((at, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let left = Arc::new(AtomicUsize::new(cuts));
    let uncut = left.clone();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (Ok(client), Ok(server)) = (client, TcpStream::connect(&to)) else { return };
            let (mut from, mut up) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut from, &mut up);
                let _ = up.shutdown(Shutdown::Both);
            });
            let left = left.clone();
            thread::spawn(move || pass(server, client, &left, after));
        }
    });
    (address, uncut)
}

fn pass(mut from: TcpStream, mut to: TcpStream, left: &AtomicUsize, after: usize) {
    let (mut buffer, mut passed) = ([0; 4096], 0);
    while let Ok(n) = from.read(&mut buffer) {
        passed += n;
        let cut = passed > after
            && left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if n == 0 || cut || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

fn nothing_is_lost_with_a_connection(house: &House) {
    let script = "$s = New-PSSession @exchange; $all = Invoke-Command -Session $s { Get-Command }; \
                  \"$($all.Count) $(@($all.Name | Sort-Object -Unique).Count)\"";
    let expected = house.says(script);
    assert!(expected.split(' ').next().unwrap().parse::<u32>().unwrap() > 200, "{expected}");
    let (proxy, uncut) = between("127.0.0.1", house.https(), 4, 30_000);
    let said = Said::from(house.shell(&proxy, script).output().unwrap());
    assert_eq!((&*said.errors, &*said.out), ("", &*expected));
    assert_eq!(uncut.load(Ordering::SeqCst), 0, "every connection that was to break did");
}

/// Waits until it has said `go`, then presses Ctrl+C.
fn press(mut command: Command) -> Said {
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "go");
    thread::sleep(Duration::from_millis(300));
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let code = ended(&mut child);
    let (mut rest, mut errors) = (String::new(), String::new());
    out.read_to_string(&mut rest).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    Said { out: rest.trim().into(), errors: errors.trim().into(), code }
}

fn ended(child: &mut Child) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if began.elapsed() > PATIENCE {
            let _ = child.kill();
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn interrupted(house: &House) {
    for endless in [
        "'go'; Start-Sleep -Seconds 600; 'after'",
        "'go'; while ($true) { }; 'after'",
        "$null = Import-PSSession (New-PSSession @exchange); Write-Host go; \
         & { while ($true) { 'nobody'; Start-Sleep -Milliseconds 50 } } | Get-Mailbox -ErrorAction SilentlyContinue; \
         'after'",
    ] {
        let said = press(house.shell(&house.https(), endless));
        assert_eq!((said.code, &*said.errors, &*said.out), (Some(130), "", ""), "{endless}");
    }
}
