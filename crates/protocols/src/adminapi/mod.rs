//! The REST twin of the administrator's cmdlets, for web and automation: the same registry, the same binder,
//! the same checks; JSON in and out. `docs/admin/rest.md` is its manual.
//!
//! A request is one cmdlet. Its output is taken page by page from a thread that waits in between
//! ([`pages`]); no answer is larger than a page.

mod call;
mod openapi;
mod pages;
mod problem;
mod query;
mod read;
mod run;
mod schema;
mod write;

use std::sync::Arc;

use base::clock::{Clock as _, SystemClock};
use hyper::{Method, StatusCode, header};
use powershell::{CommandSource, Invocation};
use services::{Caller, Organization};

use crate::http::{Answer, Answering, Exchange, Realm, not_allowed, typed};

pub use pages::Pages;

use call::Asked;
use problem::{JSON, Problem};
use query::Query;
use run::{Page, Run};

/// The largest body, bytes.
pub const BODY_MAX: usize = 4 << 20;
/// What one logs on to.
const REALM: Realm = Realm { protocol: "AdminApi", name: "Rialto administration" };
/// The session configuration whose cmdlets there are.
const CONFIGURATION: &str = "Microsoft.Exchange";

/// What a path asks for. Paths are lower case here; names are found without case.
#[derive(Debug, PartialEq, Eq)]
enum Target<'p> {
    /// The description of everything.
    Description,
    /// The list of endpoints.
    Endpoints { tenant: &'p str },
    /// The cmdlets of one noun.
    Noun { tenant: &'p str, noun: &'p str },
    /// Any cmdlet.
    Any { tenant: &'p str },
}

impl<'p> Target<'p> {
    fn of(path: &'p str) -> Option<Self> {
        let mut segments = path.strip_prefix("/adminapi/")?.split('/');
        let parts = [segments.next(), segments.next(), segments.next()];
        if segments.next().is_some() {
            return None;
        }
        match parts {
            [Some("v2.0"), Some("openapi.json"), None] => Some(Target::Description),
            [Some("v2.0" | "beta"), Some(tenant), None] => Some(Target::Endpoints { tenant }),
            [Some("beta"), Some(tenant), Some("invokecommand")] => Some(Target::Any { tenant }),
            [Some("v2.0"), Some(tenant), Some(noun)] => Some(Target::Noun { tenant, noun }),
            _ => None,
        }
    }

    fn tenant(&self) -> Option<&'p str> {
        match self {
            Target::Description => None,
            Target::Endpoints { tenant } | Target::Noun { tenant, .. } | Target::Any { tenant } => {
                Some(tenant)
            }
        }
    }

    /// What it answers to.
    fn methods(&self) -> &'static [Method] {
        match self {
            Target::Description | Target::Endpoints { .. } => &[Method::GET, Method::HEAD],
            Target::Noun { .. } | Target::Any { .. } => &[Method::POST],
        }
    }
}

/// Answers a request below `/adminapi/`.
pub fn handle(mut exchange: Exchange) -> Answering {
    Box::pin(async move {
        match answer(&mut exchange).await {
            Ok(answer) => answer,
            Err(Refusal::Problem(problem)) => problem.answer(),
            Err(Refusal::Plain(plain)) => dressed(plain),
        }
    })
}

/// Why there is no better answer.
enum Refusal {
    Problem(Problem),
    /// What the listener says itself, in plain text.
    Plain(Answer),
}

impl<T: Into<Problem>> From<T> for Refusal {
    fn from(problem: T) -> Self {
        Refusal::Problem(problem.into())
    }
}

/// The listener's refusals, as JSON.
fn dressed(plain: Answer) -> Answer {
    let message = match plain.status() {
        StatusCode::UNAUTHORIZED => "Authentication is needed: HTTP Basic.",
        StatusCode::PAYLOAD_TOO_LARGE => "The request is too large.",
        StatusCode::REQUEST_TIMEOUT => "The body took too long.",
        StatusCode::BAD_REQUEST => "The body is malformed.",
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take this method.",
        _ => "The server is busy; try again later.",
    };
    Problem::dressing(plain, message)
}

async fn answer(exchange: &mut Exchange) -> Result<Answer, Refusal> {
    let path = exchange.path.clone();
    let not_here = || Problem::new(StatusCode::NOT_FOUND, "There is nothing here.");
    let target = Target::of(&path).ok_or_else(not_here)?;
    if !target.methods().contains(exchange.request().method()) {
        return Err(Refusal::Plain(not_allowed(target.methods())));
    }
    let caller = exchange.authenticate_basic(&REALM).await.map_err(Refusal::Plain)?;
    let outcome = admitted(exchange, &caller, target).await;
    if outcome.is_err() {
        // A client that sends before it reads must find its answer, and its connection.
        drop(exchange.body().await);
    }
    outcome
}

/// Answers somebody who has logged on.
async fn admitted(exchange: &mut Exchange, caller: &Caller, target: Target<'_>) -> Result<Answer, Refusal> {
    let not_here = || Problem::new(StatusCode::NOT_FOUND, "There is nothing here.");
    let settings = exchange.settings.clone();
    let busy = || Problem::new(StatusCode::TOO_MANY_REQUESTS, "Too many of your requests are under way.");
    let _admission = settings.adminapi.admit(caller.user).ok_or_else(busy)?;
    let source = settings.commands.open(caller, CONFIGURATION)?;
    let organization = settings.services.organization(caller).ok_or_else(not_here)?;
    if target.tenant().is_some_and(|tenant| !settings.services.is_organization(caller, tenant)) {
        return Err(Problem::new(StatusCode::NOT_FOUND, "There is no such organization here.").into());
    }
    match target {
        Target::Description => describe(source, organization).await,
        Target::Endpoints { .. } => Ok(list(exchange, source).await?),
        Target::Noun { noun, .. } => run(exchange, caller, source, Some(noun)).await,
        Target::Any { .. } => run(exchange, caller, source, None).await,
    }
}

/// The OpenAPI description of what the caller may use.
async fn describe(source: Arc<dyn CommandSource>, organization: Organization) -> Result<Answer, Refusal> {
    let text = on_a_thread(move || openapi::describe(&*source, &organization).to_string()).await?;
    Ok(typed(StatusCode::OK, JSON, text))
}

/// The endpoints the caller may use.
async fn list(exchange: &Exchange, source: Arc<dyn CommandSource>) -> Result<Answer, Problem> {
    let nouns = on_a_thread(move || openapi::endpoints(&*source)).await?;
    let value: Vec<_> = nouns
        .keys()
        .map(|noun| serde_json::json!({ "name": noun, "kind": "EntitySet", "url": noun }))
        .collect();
    let context = format!("{}/$metadata", base_url(exchange));
    let body = serde_json::json!({ "@odata.context": context, "value": value });
    Ok(typed(StatusCode::OK, JSON, body.to_string()))
}

/// Work that would keep others from being served.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::of_records(Vec::new()))
}

/// Runs the cmdlet of the body, or goes on with one.
async fn run(
    exchange: &mut Exchange,
    caller: &Caller,
    source: Arc<dyn CommandSource>,
    noun: Option<&str>,
) -> Result<Answer, Refusal> {
    if !is_json(exchange.header(header::CONTENT_TYPE)) {
        let text = "The body is application/json, in UTF-8.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into());
    }
    let query = Query::read(exchange.request().uri().query().unwrap_or_default())?;
    let body = exchange.body().await.map_err(Refusal::Plain)?;
    let call = Asked::read(&body)?.bind(&source, noun, SystemClock.now())?;
    let pages = exchange.settings.adminapi.clone();
    // What must be the same for a skip token to be good.
    let path = exchange.path.clone();
    let request: [&[u8]; 4] = [&caller.user.0, path.as_bytes(), query.rest.as_bytes(), &body];
    let ticket = match &query.skip_token {
        Some(token) => Some(pages.open(&request, token).ok_or_else(stale)?),
        None => None,
    };
    let mut position = ticket.map_or(0, |ticket| ticket.position);
    let mut work = match ticket.and_then(|ticket| pages.take(caller.user, ticket)) {
        Some(work) => work,
        None if ticket.is_some() && !only_looks(&call) => return Err(gone().into()),
        None => Run::start(source, call, query.select.clone(), position),
    };
    let size = query::page_size(exchange.header(header::HeaderName::from_static("prefer")));
    let left = query.top.map_or(u64::MAX, |top| top.saturating_sub(position));
    let size_now = (size.unwrap_or(query::PAGE_DEFAULT) as u64).min(left);
    let page = tokio::select! {
        page = work.page(size_now, position) => page?,
        () = exchange.stopping() => return Err(stopping().into()),
    };
    position += page.count;
    let is_last = page.is_last || page.count >= left;
    let token = (!is_last).then(|| pages.token(&request, pages.park(caller.user, position, work)));
    Ok(shown(exchange, &query, page, token, size))
}

/// Whether a cmdlet may run twice for one answer.
fn only_looks(call: &Invocation) -> bool {
    call.command.name.get(..4).is_some_and(|verb| verb.eq_ignore_ascii_case("Get-"))
}

fn is_json(content_type: Option<&str>) -> bool {
    // Another type would let a page of another site post with the browser's credentials.
    let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                matches!(&*value.trim().trim_matches('"').to_ascii_lowercase(), "utf-8" | "utf8" | "us-ascii")
            }
            _ => true,
        })
}

fn stale() -> Problem {
    Problem::bad(
        "The skip token is not of this request: it must be posted by the same user with the same body, and the \
         server must not have been restarted. Start again without it.",
    )
}

fn gone() -> Problem {
    Problem::new(
        StatusCode::GONE,
        "The command has been stopped because its next page was not asked for in time.",
    )
}

fn stopping() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The server is stopping; try again later.")
}

/// A page as an answer.
fn shown(
    exchange: &Exchange,
    query: &Query,
    page: Page,
    token: Option<String>,
    size: Option<usize>,
) -> Answer {
    let mut out = Vec::with_capacity(page.objects.len() + 512);
    let context = format!("{}/$metadata#Collection(Exchange.GenericHashTable)", base_url(exchange));
    out.extend_from_slice(b"{\"@odata.context\":");
    write::text(&context, &mut out);
    out.extend_from_slice(
        b",\"adminapi.warnings@odata.type\":\"#Collection(String)\",\"@adminapi.warnings\":",
    );
    write::texts(&page.warnings, &mut out);
    if !page.information.is_empty() {
        out.extend_from_slice(b",\"@adminapi.information\":");
        write::texts(&page.information, &mut out);
    }
    if !page.errors.is_empty() {
        let errors: Vec<_> = page.errors.iter().map(problem::detail).collect();
        out.extend_from_slice(b",\"@adminapi.errors\":");
        out.extend_from_slice(serde_json::Value::Array(errors).to_string().as_bytes());
    }
    out.extend_from_slice(b",\"value\":[");
    out.extend_from_slice(&page.objects);
    out.push(b']');
    if let Some(token) = token {
        let joint = if query.rest.is_empty() { "" } else { "&" };
        let path = exchange.request().uri().path();
        let next = format!("{}{path}?{}{joint}$skiptoken={token}", origin(exchange), query.rest);
        out.extend_from_slice(b",\"@odata.nextLink\":");
        write::text(&next, &mut out);
    }
    out.push(b'}');
    let mut answer = typed(StatusCode::OK, JSON, out);
    if let Some(applied) = size.and_then(|size| format!("odata.maxpagesize={size}").parse().ok()) {
        answer.headers_mut().insert("preference-applied", applied);
    }
    answer
}

/// `https://host`, as the client wrote it: there is no REST without TLS.
fn origin(exchange: &Exchange) -> String {
    let host = exchange.header(header::HOST).unwrap_or(&exchange.settings.server_name);
    format!("https://{host}")
}

/// `https://host/adminapi/v2.0/tenant`.
fn base_url(exchange: &Exchange) -> String {
    let path: Vec<&str> = exchange.request().uri().path().splitn(5, '/').take(4).collect();
    format!("{}{}", origin(exchange), path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_targets() {
        for (path, target) in [
            ("/adminapi/v2.0/openapi.json", Some(Target::Description)),
            ("/adminapi/beta/org.example", Some(Target::Endpoints { tenant: "org.example" })),
            ("/adminapi/v2.0/t/mailbox", Some(Target::Noun { tenant: "t", noun: "mailbox" })),
            ("/adminapi/beta/t/invokecommand", Some(Target::Any { tenant: "t" })),
            ("/adminapi/beta/t/mailbox", None),
            ("/adminapi/v1.0/t/mailbox", None),
            ("/adminapi/v2.0/t/mailbox/x", None),
            ("/adminapi/v2.0", None),
            ("/adminapi", None),
        ] {
            assert_eq!(Target::of(path), target, "{path}");
        }
    }

    #[test]
    fn only_json_is_taken() {
        for good in [
            "application/json",
            "Application/JSON; charset=\"UTF-8\"",
            "application/json;odata.metadata=none",
        ] {
            assert!(is_json(Some(good)), "{good}");
        }
        for bad in [None, Some(""), Some("text/plain"), Some("application/json; charset=iso-8859-1")] {
            assert!(!is_json(bad), "{bad:?}");
        }
    }
}
