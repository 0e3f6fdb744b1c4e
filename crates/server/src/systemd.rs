//! The systemd unit for `rialto serve`: its own user, one capability, one writable folder.

use std::path::Path;

/// The unit's text for a data folder and a binary.
pub(crate) fn unit(data: &Path, binary: &Path) -> String {
    let (data, binary) = (data.display(), binary.display());
    format!(
        "\
[Unit]
Description=Rialto messaging server
Documentation=man:rialto(1)
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
ExecStart={binary} serve --data {data} --log-json
Restart=on-failure
RestartSec=2
TimeoutStopSec=60
KillSignal=SIGTERM
LimitNOFILE=65536
DynamicUser=no
User=rialto
Group=rialto
UMask=0077
AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={data}
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=no
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"
    )
}
