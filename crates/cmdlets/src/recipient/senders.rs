//! Who may write to a recipient: people and groups are kept apart in the directory and given together.

use directory::{Edit, Object, RecipientType, View, recipient_type};
use powershell::{Value, value::PsObject};

use crate::{Context, Edits, Outcome, convert};

/// The attribute for people, the one for members of groups, and the property that is both.
const PAIRS: [(&str, &str, &str); 2] = [
    ("AcceptMessagesOnlyFrom", "AcceptMessagesOnlyFromDLMembers", "AcceptMessagesOnlyFromSendersOrMembers"),
    ("RejectMessagesFrom", "RejectMessagesFromDLMembers", "RejectMessagesFromSendersOrMembers"),
];

/// `-AcceptMessagesOnlyFromSendersOrMembers`
pub(super) fn accept_from(
    _: &Context,
    view: &View,
    object: Option<&Object>,
    given: &Value,
) -> Outcome<Edits> {
    both(view, object, given, PAIRS[0])
}

/// `-RejectMessagesFromSendersOrMembers`
pub(super) fn reject_from(
    _: &Context,
    view: &View,
    object: Option<&Object>,
    given: &Value,
) -> Outcome<Edits> {
    both(view, object, given, PAIRS[1])
}

fn both(
    view: &View,
    object: Option<&Object>,
    given: &Value,
    (people, groups, _): (&'static str, &'static str, &str),
) -> Outcome<Edits> {
    let class = object.map_or(&directory::schema::USER, |object| object.class);
    let Some(attribute) = class.attribute(people) else { return Ok(Vec::new()) };
    let is_group = |value: &directory::Value| {
        let target = value.as_link().and_then(|guid| view.get(guid));
        target.and_then(|target| recipient_type(target)).is_some_and(RecipientType::is_mail_group)
    };
    let part = |values: Vec<directory::Value>| values.into_iter().partition::<Vec<_>, _>(is_group);
    Ok(match convert::to_edit(view, attribute, given)? {
        Edit::Replace(values) => {
            let (of_groups, of_people) = part(values);
            vec![(people, Edit::Replace(of_people)), (groups, Edit::Replace(of_groups))]
        }
        Edit::AddRemove { add, remove } => {
            let ((add_groups, add_people), (remove_groups, remove_people)) = (part(add), part(remove));
            vec![
                (people, Edit::AddRemove { add: add_people, remove: remove_people }),
                (groups, Edit::AddRemove { add: add_groups, remove: remove_groups }),
            ]
        }
    })
}

/// The properties that hold people and groups together.
pub(super) fn extend(view: &View, object: &Object, out: &mut PsObject) {
    for (people, groups, all) in PAIRS {
        let links = object.values(people).iter().chain(object.values(groups));
        out.set(all, Value::multi(links.map(|link| convert::to_shell(view, link)).collect()));
    }
}
