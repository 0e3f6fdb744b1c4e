//! Remote PowerShell with tickets of a real realm: an MIT key distribution centre on loopback, the server with a
//! keytab of it, and `tests/remoting/kerberos/client.py`. `.ci/run` installs what it needs.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use xtask::{
    root,
    server::{self, Launch, Server},
};

/// How long the centre may take to start.
const PATIENCE: Duration = Duration::from_secs(30);
const REALM: &str = "RIALTO.TEST";
const SERVER: &str = "mail.rialto.test";
/// People, whose passwords are their names, and services, whose keys go to keytabs.
const PEOPLE: [&str; 4] = ["administrator", "nuno", "ghost", "nuno/admin"];
const SERVICES: [&str; 2] = ["HTTP/mail.rialto.test", "imap/mail.rialto.test"];
const ENCRYPTION_TYPES: &str = "aes256-cts-hmac-sha1-96:normal,aes128-cts-hmac-sha1-96:normal,\
                                aes256-cts-hmac-sha384-192:normal,aes128-cts-hmac-sha256-128:normal";

/// A realm of its own; gone when dropped.
struct Realm {
    folder: PathBuf,
    centre: Option<Child>,
}

impl Realm {
    fn start(folder: &Path, port: u16) -> Self {
        let shown = folder.display();
        let client = format!(
            "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
             dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n\
             [realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n[domain_realm]\n .rialto.test = {REALM}\n\
             [plugins]\n disable = pkinit\n"
        );
        let centre = format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
             [realms]\n {REALM} = {{\n  database_name = {shown}/principal\n  key_stash_file = {shown}/stash\n  \
             acl_file = {shown}/acl\n  supported_enctypes = {ENCRYPTION_TYPES}\n }}\n\
             [logging]\n kdc = FILE:{shown}/kdc.log\n"
        );
        fs::write(folder.join("krb5.conf"), client).unwrap();
        fs::write(folder.join("kdc.conf"), centre).unwrap();
        let mut realm = Realm { folder: folder.to_owned(), centre: None };
        realm.run("kdb5_util", &["create", "-s", "-P", "master", "-r", REALM]);
        let mut script = String::new();
        for person in PEOPLE {
            script += &format!("addprinc -pw {person} {person}\n");
        }
        for service in SERVICES.iter().chain(&["HTTP/other.rialto.test"]) {
            script += &format!("addprinc -randkey -e {ENCRYPTION_TYPES} {service}\n");
        }
        // Its own keys, one of another protocol, but not those of another server.
        for service in SERVICES {
            script += &format!("ktadd -norandkey -k {shown}/rialto.keytab {service}\n");
        }
        realm.say("kadmin.local", &script);
        let centre = realm
            .command("krb5kdc")
            .arg("-n")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        realm.centre = Some(centre);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "the key distribution centre does not start");
            thread::sleep(Duration::from_millis(10));
        }
        realm
    }

    fn command(&self, program: &str) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(program);
        command.env("PATH", format!("{path}:/usr/sbin")).env("KRB5_CONFIG", self.folder.join("krb5.conf"));
        command.env("KRB5_KDC_PROFILE", self.folder.join("kdc.conf"));
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.command(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn say(&self, program: &str, script: &str) {
        let path = self.folder.join("script");
        fs::write(&path, script).unwrap();
        let output = self.command(program).stdin(fs::File::open(path).unwrap()).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Realm {
    fn drop(&mut self) {
        if let Some(centre) = &mut self.centre {
            _ = centre.kill();
            _ = centre.wait();
        }
    }
}

/// The server again, with other settings: what stands in `[listen]`, and at the end.
fn restart(server: Server, listen: &str, rest: &str) -> Server {
    let launch = server.stop().unwrap();
    let config = launch.data.join("rialto.toml");
    let settings = fs::read_to_string(&config).unwrap();
    let (settings, _) = settings.split_once("\n[kerberos]").unwrap_or((&settings, ""));
    fs::write(&config, settings.replace("[listen]\n", &format!("[listen]\n{listen}\n")) + rest).unwrap();
    Server::start(launch).unwrap()
}

/// Runs those checks of the client whose names begin so.
fn check(realm: &Realm, server: &Server, python: &Path, plain: u16, which: &str) {
    let programs = root().join("tests/remoting/kerberos");
    let (launch, ready) = (server.launch(), server.ready());
    let output = realm
        .command(&python.to_string_lossy())
        .arg(programs.join("client.py"))
        .arg(which)
        .env("PYTHONPATH", &programs)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHON", python)
        .env("KDC_LOG", realm.folder.join("kdc.log"))
        .env("SERVER", SERVER)
        .env("HTTPS_PORT", ready.listeners["https"].rsplit(':').next().unwrap())
        .env("HTTP_PORT", plain.to_string())
        .env("ADMIN", &ready.admin.address)
        .env("ADMIN_PASSWORD", &ready.admin.password)
        .env("RIALTO", &launch.binary)
        .env("DATA", &launch.data)
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{}{}", said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{said}\n{}", server::tail_of(&launch.log, 40));
    println!("{said}");
}

#[test]
fn tickets_of_a_real_realm() {
    let tools =
        std::env::var_os("RIALTO_PYTHON").map_or_else(|| root().join("target/tools/python"), PathBuf::from);
    let python = tools.join("pypsrp/bin/python3");
    let has = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let ready = has(Command::new(&python).args(["-c", "import krb5, gssapi, pypsrp"]))
        && Path::new("/usr/sbin/krb5kdc").exists();
    if !ready {
        assert!(
            std::env::var_os("CI").is_none(),
            "no krb5-kdc or no Python with krb5: .ci/run installs them"
        );
        println!(
            "skipped: no krb5-kdc or no Python with krb5; tests/remoting/README.md says how to get them"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let centre = folder.path().join("realm");
    fs::create_dir(&centre).unwrap();
    let realm = Realm::start(&centre, server::free_ports().unwrap());
    let keytab = centre.join("rialto.keytab");
    fs::set_permissions(&keytab, fs::Permissions::from_mode(0o600)).unwrap();

    let binary = server::named_or(env!("CARGO_BIN_EXE_rialto"));
    let server = Server::start(Launch::new(&binary, folder.path()).unwrap()).unwrap();
    let plain = server.launch().ports_from + 12;
    let kerberos = format!("\n[kerberos]\nkeytab = \"{}\"\n", keytab.display());
    let server = restart(server, &format!("plain_http = {plain}"), &kerberos);
    check(&realm, &server, &python, plain, "check_");

    // In its own place a keytab needs no words; passwords without TLS do.
    fs::rename(&keytab, server.launch().data.join("kerberos.keytab")).unwrap();
    let server = restart(server, "plain_http_basic = true", "");
    check(&realm, &server, &python, plain, "later_");
}
