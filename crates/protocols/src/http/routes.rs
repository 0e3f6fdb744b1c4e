//! The routes and the small handlers. Adding one is one line in [`ROUTES`] and one function; those of a whole
//! protocol live in its own room.

use hyper::{Method, StatusCode};

use super::{Answer, Answering, Exchange, Route, text, typed};
use crate::{adminapi, psremoting};

const READ: &[Method] = &[Method::GET, Method::HEAD];
/// For handlers that say themselves what each of their addresses takes.
const ANY: &[Method] = &[
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::CONNECT,
];

/// Every path the server answers, sorted; the first that matches answers.
pub static ROUTES: &[Route] = &[
    Route { path: "/", handler: |x| at_once(front_page(&x)), ..PAGE },
    Route {
        path: "/adminapi/",
        methods: ANY,
        body_max: adminapi::BODY_MAX,
        plain: false,
        handler: adminapi::handle,
    },
    Route { path: "/healthcheck.htm", handler: |x| at_once(health_check(&x)), ..PAGE },
    Route { path: "/metrics", handler: |x| at_once(metrics(&x)), ..PAGE },
    Route { path: "/powershell", ..REMOTING },
    Route { path: "/powershell/", ..REMOTING },
    Route { path: "/wsman", ..REMOTING },
];

/// Something to be read.
const PAGE: Route = Route {
    path: "/",
    methods: READ,
    body_max: 0,
    plain: false,
    handler: |_| at_once(text(StatusCode::NOT_FOUND, "Not found.\r\n")),
};

/// WS-Management: remote PowerShell.
const REMOTING: Route = Route {
    path: "/wsman",
    methods: &[Method::POST],
    body_max: psremoting::BODY_MAX,
    plain: true,
    handler: psremoting::handle,
};

/// For handlers that need not wait.
fn at_once(answer: Answer) -> Answering {
    Box::pin(std::future::ready(answer))
}

fn front_page(exchange: &Exchange) -> Answer {
    let name = exchange.settings.server_name.replace('&', "&amp;").replace('<', "&lt;");
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Rialto</title>\
         <body style=\"font-family:sans-serif;max-width:40em;margin:4em auto\"><h1>Rialto</h1>\
         <p>The messaging server {name} is running. Mail clients connect by IMAP, POP3 and SMTP; \
         administrators use <code>rialto shell</code> and the \
         <a href=\"/adminapi/v2.0/openapi.json\">REST API</a>.</p></body></html>\n"
    );
    typed(StatusCode::OK, "text/html; charset=utf-8", page)
}

/// What load balancers ask: `200 OK` and the server's name, as the product's own virtual directories answer.
fn health_check(exchange: &Exchange) -> Answer {
    text(StatusCode::OK, format!("200 OK\r\n{}\r\n", exchange.settings.server_name))
}

/// Prometheus' text format; for the machine itself only.
fn metrics(exchange: &Exchange) -> Answer {
    if exchange.peer().ip().to_canonical().is_loopback() {
        typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", (exchange.settings.metrics)())
    } else {
        text(StatusCode::FORBIDDEN, "Metrics are served to this machine only.\r\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_sorted_and_lower_case() {
        assert!(ROUTES.is_sorted_by_key(|route| route.path));
        assert!(ROUTES.iter().all(|route| route.path == route.path.to_lowercase()));
    }

    #[test]
    fn without_tls_there_is_remoting_alone() {
        let plain: Vec<_> = ROUTES.iter().filter(|route| route.plain).map(|route| route.path).collect();
        assert_eq!(plain, ["/powershell", "/powershell/", "/wsman"]);
    }

    #[test]
    fn a_trailing_slash_stands_for_all_below() {
        let route = |path| Route { path, ..PAGE };
        let below = route("/powershell/");
        for path in ["/powershell", "/powershell/", "/powershell/x"] {
            assert!(below.matches(path), "{path}");
        }
        assert!(!below.matches("/powershellx") && !below.matches("/"));
        assert!(route("/").matches("/") && !route("/").matches("/x"));
        assert!(!route("/wsman").matches("/wsman/"));
    }
}
