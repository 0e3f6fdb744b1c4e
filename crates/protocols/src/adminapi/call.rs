//! What is asked: the body's cmdlet and parameters, and the call they bind to.

use std::sync::Arc;

use base::Timestamp;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use powershell::{
    CommandInfo, CommandSource, ErrorRecord, Invocation, PsObject, Value,
    binder::{self, Argument},
    types::{IntKind, Type},
    value::{Hashtable, Secret},
};

use super::{problem::Problem, read};

/// Parameters of one call.
const PARAMETERS_MAX: usize = 512;

/// The body of a request: `{"CmdletInput":{"CmdletName":…,"Parameters":{…}}}`.
/// Secrets are still plain in it: it has no `Debug`.
pub(super) struct Asked {
    /// The cmdlet, as it was spelled.
    pub(super) cmdlet: String,
    parameters: Vec<(String, Value)>,
}

impl Asked {
    /// Reads a body.
    pub(super) fn read(body: &[u8]) -> Result<Self, Problem> {
        let body = read::value(body).map_err(|e| Problem::bad(format!("The body isn't valid JSON: {e}.")))?;
        let input = match &members(body, "The body")?[..] {
            [(name, input)] if name.eq_ignore_ascii_case("CmdletInput") => input.clone(),
            _ => return Err(Problem::bad("The body is an object with one member, CmdletInput.")),
        };
        let (mut cmdlet, mut parameters) = (None, Vec::new());
        for (name, value) in members(input, "CmdletInput")? {
            if name.eq_ignore_ascii_case("CmdletName") {
                cmdlet = value.as_str().map(str::to_owned);
            } else if name.eq_ignore_ascii_case("Parameters") {
                parameters = if value.is_null() { Vec::new() } else { members(value, "Parameters")? };
            } else {
                return Err(Problem::bad(format!("CmdletInput has no member {name}.")));
            }
        }
        let cmdlet = cmdlet.ok_or_else(|| Problem::bad("CmdletInput needs the text CmdletName."))?;
        if parameters.len() > PARAMETERS_MAX {
            return Err(Problem::bad(format!("A call has at most {PARAMETERS_MAX} parameters.")));
        }
        Ok(Asked { cmdlet, parameters })
    }

    /// Binds the call as if it had been typed. A cmdlet the caller may not use does not exist. Where `noun`
    /// is given, the cmdlet must be one of that noun.
    pub(super) fn bind(
        self,
        source: &Arc<dyn CommandSource>,
        noun: Option<&str>,
        now: Timestamp,
    ) -> Result<Invocation, Problem> {
        let info = source.find(&self.cmdlet).ok_or_else(|| ErrorRecord::command_not_found(&self.cmdlet))?;
        if noun.is_some_and(|noun| !noun_of(&info.name).eq_ignore_ascii_case(noun)) {
            let right = noun_of(&info.name);
            return Err(Problem::bad(format!("{} is called at the endpoint {right}.", info.name)));
        }
        let arguments = self.parameters.into_iter().map(|(name, value)| {
            let value = shaped(&info, &name, value)?;
            Ok(Argument::Named(name.into(), Some(value.into())))
        });
        let arguments = arguments.collect::<Result<_, Problem>>()?;
        Ok(binder::bind(info, arguments, source.clone(), now)?.finish()?)
    }
}

/// `Mailbox` of `Get-Mailbox`.
pub(super) fn noun_of(cmdlet: &str) -> &str {
    cmdlet.split_once('-').map_or(cmdlet, |(_, noun)| noun)
}

/// The members of an object that is wanted there.
fn members(value: Value, what: &str) -> Result<Vec<(String, Value)>, Problem> {
    match value {
        Value::Hashtable(table) => {
            Ok(table.to_vec().into_iter().map(|(name, value)| (name.to_string(), value)).collect())
        }
        _ => Err(Problem::bad(format!("{what} is a JSON object."))),
    }
}

/// Gives values the shape JSON has no way to say: bytes are base64, secrets are texts, credentials are objects
/// with UserName and Password.
fn shaped(info: &CommandInfo, name: &str, value: Value) -> Result<Value, Problem> {
    // What cannot be resolved the binder refuses.
    let Ok(parameter) = binder::resolve_parameter(info, name) else { return Ok(value) };
    let kind = Type::of_parameter(&parameter.type_name);
    let bytes = matches!(&kind, Type::Array(inner) if **inner == Type::Int(IntKind::Byte));
    match value {
        Value::String(text) if kind == Type::Secret => Ok(Value::Secret(Secret::new(&text))),
        Value::String(text) if bytes => match BASE64_STANDARD.decode(&*text) {
            Ok(bytes) => Ok(Value::Bytes(bytes.into())),
            Err(_) => Err(Problem::bad(format!("{} is base64.", parameter.name))),
        },
        Value::Hashtable(table) if kind == Type::Credential => credential(&table).ok_or_else(|| {
            Problem::bad(format!("{} is an object with the texts UserName and Password.", parameter.name))
        }),
        other => Ok(other),
    }
}

fn credential(table: &Hashtable) -> Option<Value> {
    let text = |name: &str| table.with(|t| t.get_str(name).and_then(Value::as_str).map(str::to_owned));
    let (user, password) = (text("UserName")?, text("Password")?);
    let made = PsObject::new(&["System.Management.Automation.PSCredential"])
        .with("UserName", user)
        .with("Password", Value::Secret(Secret::new(&password)));
    Some(made.into())
}

#[cfg(test)]
pub(super) mod tests {
    use hyper::StatusCode;
    use powershell::{ParameterInfo, Streams, cmdlet::Bound};

    use super::*;

    /// Two cmdlets: `Get-Box` and `Set-Box`.
    pub(in crate::adminapi) struct Boxes;

    impl CommandSource for Boxes {
        fn find(&self, name: &str) -> Option<Arc<CommandInfo>> {
            let own = |name: &str, kind: &str| ParameterInfo::new(name, kind);
            let parameters = match name.to_lowercase().as_str() {
                "get-box" => vec![own("Identity", "BoxIdParameter"), own("ResultSize", "Unlimited")],
                "set-box" => vec![
                    ParameterInfo { required: true, ..own("Identity", "BoxIdParameter") },
                    own("Tags", "MultiValuedProperty"),
                    own("Picture", "Byte[]"),
                    own("Key", "SecureString"),
                    own("Login", "PSCredential"),
                    own("Force", "SwitchParameter"),
                ],
                _ => return None,
            };
            let spelled = if name.to_lowercase().starts_with("get") { "Get-Box" } else { "Set-Box" };
            let should_process = spelled == "Set-Box";
            Some(Arc::new(CommandInfo {
                name: spelled.into(),
                parameters,
                should_process,
                ..CommandInfo::default()
            }))
        }
        fn names(&self) -> Vec<Arc<str>> {
            ["Get-Box", "Set-Box"].map(Arc::from).to_vec()
        }
        fn invoke(&self, call: &Invocation, out: &mut dyn Streams) -> Result<(), ErrorRecord> {
            let count = call.get("ResultSize").map_or(3, |n| n.to_string().parse().unwrap_or(i32::MAX));
            out.warning("Boxes are old.");
            for number in 0..count {
                if out.output(PsObject::new(&["Box"]).with("Number", number).into()) == powershell::Flow::Stop
                {
                    break;
                }
            }
            match call.get("Identity") {
                Some(Value::String(text)) if &**text == "none" => {
                    Err(ErrorRecord::from(base::Fault::not_found("There is no box none.")))
                }
                _ => Ok(()),
            }
        }
    }

    fn bound(body: &str, noun: Option<&str>) -> Result<Bound, Problem> {
        let source: Arc<dyn CommandSource> = Arc::new(Boxes);
        let asked = Asked::read(body.as_bytes())?;
        Ok(asked.bind(&source, noun, Timestamp::from_secs(0))?.parameters)
    }

    fn set(parameters: &str) -> Result<Bound, Problem> {
        bound(
            &format!(r#"{{"CmdletInput":{{"CmdletName":"set-box","Parameters":{{{parameters}}}}}}}"#),
            Some("BOX"),
        )
    }

    #[test]
    fn values_get_the_shape_their_parameter_wants() {
        let call = set(concat!(
            r#""identity":"a","Picture":"AQI=","Key":"k","Force":true,"Confirm":false,"#,
            r##""Tags":{"@odata.type":"#Exchange.GenericHashTable","Add":["x"]},"##,
            r#""Login":{"UserName":"u","Password":"p"}"#
        ))
        .unwrap();
        assert_eq!(call["Picture"], Value::Bytes(vec![1, 2].into()));
        assert_eq!(call["Key"], Value::Secret(Secret::new("k")));
        assert_eq!(call["Force"], Value::Bool(true));
        assert!(matches!(&call["Tags"], Value::Hashtable(_)));
        assert!(matches!(call["Login"].property("Password"), Some(Value::Secret(_))));
        assert!(!call.contains_key("Confirm"));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_right_status() {
        for (body, status) in [
            ("", 400),
            ("[]", 400),
            ("{}", 400),
            (r#"{"CmdletInput":[]}"#, 400),
            (r#"{"CmdletInput":{}}"#, 400),
            (r#"{"CmdletInput":{"CmdletName":5}}"#, 400),
            (r#"{"CmdletInput":{"CmdletName":"Get-Box","Parameter":{}}}"#, 400),
            (r#"{"CmdletInput":{"CmdletName":"Get-Box","Parameters":[]}}"#, 400),
            (r#"{"CmdletInput":{"CmdletName":"Get-Box"},"More":1}"#, 400),
            (r#"{"CmdletInput":{"CmdletName":"Get-Box","Parameters":{"Nothing":1}}}"#, 400),
            (r#"{"CmdletInput":{"CmdletName":"Set-Box"}}"#, 400),
            (r#"{"CmdletInput":{"CmdletName":"Set-Box","Parameters":{"Identity":"a","Picture":"!"}}}"#, 400),
            (r#"{"CmdletInput":{"CmdletName":"Set-Box","Parameters":{"Identity":"a","Login":{}}}}"#, 400),
            (r#"{"CmdletInput":{"CmdletName":"Remove-Box"}}"#, 404),
        ] {
            assert_eq!(bound(body, None).err().unwrap().status.as_u16(), status, "{body}");
        }
        let elsewhere = r#"{"CmdletInput":{"CmdletName":"Get-Box","Parameters":null}}"#;
        assert_eq!(bound(elsewhere, Some("Lid")).err().unwrap().status, StatusCode::BAD_REQUEST);
        assert!(bound(elsewhere, None).unwrap().is_empty());
    }
}
