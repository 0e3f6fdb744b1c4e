//! Display names of the default folders by language: one row a language, data only.

use crate::FolderRole;

/// The roles that are named in the owner's language, in the order of the columns below.
const NAMED: [FolderRole; 12] = [
    FolderRole::Inbox,
    FolderRole::Drafts,
    FolderRole::SentItems,
    FolderRole::DeletedItems,
    FolderRole::JunkEmail,
    FolderRole::Outbox,
    FolderRole::Archive,
    FolderRole::Calendar,
    FolderRole::Contacts,
    FolderRole::Tasks,
    FolderRole::Notes,
    FolderRole::Journal,
];

/// Culture or language, lower case, and its names; a culture stands before its language's fallback.
#[rustfmt::skip]
const NAMES: &[(&str, [&str; NAMED.len()])] = &[
    ("cs", ["Doručená pošta", "Koncepty", "Odeslaná pošta", "Odstraněná pošta", "Nevyžádaná pošta", "Pošta k odeslání", "Archiv", "Kalendář", "Kontakty", "Úkoly", "Poznámky", "Deník"]),
    ("da", ["Indbakke", "Kladder", "Sendt post", "Slettet post", "Uønsket mail", "Udbakke", "Arkiv", "Kalender", "Kontakter", "Opgaver", "Noter", "Journal"]),
    ("de", ["Posteingang", "Entwürfe", "Gesendete Elemente", "Gelöschte Elemente", "Junk-E-Mail", "Postausgang", "Archiv", "Kalender", "Kontakte", "Aufgaben", "Notizen", "Journal"]),
    ("en", ["Inbox", "Drafts", "Sent Items", "Deleted Items", "Junk Email", "Outbox", "Archive", "Calendar", "Contacts", "Tasks", "Notes", "Journal"]),
    ("es", ["Bandeja de entrada", "Borradores", "Elementos enviados", "Elementos eliminados", "Correo no deseado", "Bandeja de salida", "Archivo", "Calendario", "Contactos", "Tareas", "Notas", "Diario"]),
    ("fi", ["Saapuneet", "Luonnokset", "Lähetetyt", "Poistetut", "Roskaposti", "Lähtevät", "Arkisto", "Kalenteri", "Yhteystiedot", "Tehtävät", "Muistiinpanot", "Päiväkirja"]),
    ("fr", ["Boîte de réception", "Brouillons", "Éléments envoyés", "Éléments supprimés", "Courrier indésirable", "Boîte d’envoi", "Archive", "Calendrier", "Contacts", "Tâches", "Notes", "Journal"]),
    ("it", ["Posta in arrivo", "Bozze", "Posta inviata", "Posta eliminata", "Posta indesiderata", "Posta in uscita", "Archivio", "Calendario", "Contatti", "Attività", "Note", "Diario"]),
    ("ja", ["受信トレイ", "下書き", "送信済みアイテム", "削除済みアイテム", "迷惑メール", "送信トレイ", "アーカイブ", "予定表", "連絡先", "タスク", "メモ", "履歴"]),
    ("nb", ["Innboks", "Utkast", "Sendte elementer", "Slettede elementer", "Søppelpost", "Utboks", "Arkiv", "Kalender", "Kontakter", "Oppgaver", "Notater", "Logg"]),
    ("nl", ["Postvak IN", "Concepten", "Verzonden items", "Verwijderde items", "Ongewenste e-mail", "Postvak UIT", "Archief", "Agenda", "Contactpersonen", "Taken", "Notities", "Logboek"]),
    ("pl", ["Skrzynka odbiorcza", "Wersje robocze", "Elementy wysłane", "Elementy usunięte", "Wiadomości-śmieci", "Skrzynka nadawcza", "Archiwum", "Kalendarz", "Kontakty", "Zadania", "Notatki", "Dziennik"]),
    ("pt-br", ["Caixa de Entrada", "Rascunhos", "Itens Enviados", "Itens Excluídos", "Lixo Eletrônico", "Caixa de Saída", "Arquivo Morto", "Calendário", "Contatos", "Tarefas", "Anotações", "Diário"]),
    ("pt", ["Caixa de Entrada", "Rascunhos", "Itens Enviados", "Itens Eliminados", "E-mail de Lixo", "Caixa de Saída", "Arquivo", "Calendário", "Contactos", "Tarefas", "Notas", "Diário"]),
    ("ru", ["Входящие", "Черновики", "Отправленные", "Удаленные", "Нежелательная почта", "Исходящие", "Архив", "Календарь", "Контакты", "Задачи", "Заметки", "Дневник"]),
    ("sv", ["Inkorgen", "Utkast", "Skickat", "Borttaget", "Skräppost", "Utkorgen", "Arkiv", "Kalender", "Kontakter", "Uppgifter", "Anteckningar", "Journal"]),
    ("zh", ["收件箱", "草稿", "已发送邮件", "已删除邮件", "垃圾邮件", "发件箱", "存档", "日历", "联系人", "任务", "便笺", "日记"]),
];

/// The name of a default folder for a culture such as `pt-PT`: the culture's own, its language's, English.
pub(crate) fn localized(role: FolderRole, culture: &str) -> &'static str {
    let english = role.default_folder().map_or("", |folder| folder.name);
    let Some(column) = NAMED.iter().position(|named| *named == role) else { return english };
    let culture = culture.to_ascii_lowercase();
    let language = culture.split('-').next().unwrap_or_default();
    let row = |wanted: &str| NAMES.iter().find(|(name, _)| *name == wanted);
    row(&culture).or_else(|| row(language)).map_or(english, |(_, names)| names[column])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn cultures_fall_back_to_language_and_english() {
        for (culture, name) in [
            ("pt-PT", "Itens Eliminados"),
            ("pt-BR", "Itens Excluídos"),
            ("de-AT", "Gelöschte Elemente"),
            ("en-GB", "Deleted Items"),
            ("xx", "Deleted Items"),
            ("", "Deleted Items"),
        ] {
            assert_eq!(localized(FolderRole::DeletedItems, culture), name);
        }
        assert_eq!(localized(FolderRole::Deletions, "pt-PT"), "Deletions");
    }

    #[test]
    fn no_two_folders_share_a_name_in_any_language() {
        for (culture, names) in NAMES {
            let distinct: HashSet<_> = names.iter().map(|n| n.to_lowercase()).collect();
            assert_eq!(distinct.len(), names.len(), "{culture}");
        }
    }
}
