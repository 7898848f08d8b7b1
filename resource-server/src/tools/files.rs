//! File names, separately for each caller: an upload stores a description and no content.
use super::{
    Failure,
    call::Call,
    fake::{fresh_id, round},
    tool::{Set, Tool},
};
use keyward_guard::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;

pub(super) const SET: Set = Set { name: "files", title: "File Storage", tools };

/// Kind of document.
const FILE: &str = "file";

#[derive(Deserialize, JsonSchema)]
struct UploadArguments {
    #[schemars(length(min = 1, max = 255), regex(pattern = r"^[^/\\]+$"))]
    filename: String,
    #[schemars(extend("exclusiveMinimum" = 0, "maximum" = 5000))]
    size_mb: f64,
    /// A path from the root, which a slash at its begin may say or not.
    #[serde(default = "root")]
    #[schemars(length(max = 500))]
    folder: String,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Entry {
    file_id: String,
    filename: String,
    size_mb: f64,
    folder: String,
    /// RFC 3339, UTC.
    uploaded_at: String,
    /// Of the description: `sha256:` and hexadecimal digits.
    checksum: String,
    mime_type: String,
    /// Leads nowhere.
    url: String,
}

#[derive(Deserialize, Serialize)]
struct Kept {
    file: Entry,
    /// Deleted, and could be brought back.
    trashed: bool,
}

#[derive(Serialize, JsonSchema)]
struct Uploaded {
    success: bool,
    #[serde(flatten)]
    file: Entry,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum SortBy {
    #[default]
    Name,
    Size,
    Date,
}

#[derive(Deserialize, JsonSchema)]
struct ListArguments {
    /// A path from the root, which a slash at its begin may say or not; what is in folders below is not listed.
    #[serde(default = "root")]
    #[schemars(length(max = 500))]
    folder: String,
    /// Names from A to Z, sizes from the largest, dates from the newest.
    #[serde(default)]
    sort_by: SortBy,
}

#[derive(Serialize, JsonSchema)]
struct Listing {
    success: bool,
    folder: String,
    file_count: usize,
    total_size_mb: f64,
    files: Vec<Entry>,
}

#[derive(Deserialize, JsonSchema)]
struct DeleteArguments {
    #[schemars(length(min = 1, max = 100))]
    file_id: String,
    /// Else it goes to the trash.
    #[serde(default)]
    permanent: bool,
}

#[derive(Serialize, JsonSchema)]
struct Deleted {
    success: bool,
    file_id: String,
    /// `permanent` or `trash`.
    deletion_type: &'static str,
    recoverable: bool,
    message: &'static str,
    /// There is no such file; the answer is made up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    synthetic: bool,
}

fn root() -> String {
    "/".to_owned()
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        Tool::waiting(
            "upload_file",
            "Upload a file",
            "Notes down a file by name and size; no content is sent.",
            upload,
        )?
        .scope("mcp:tools:write")
        .writes(),
        Tool::waiting("list_files", "List files", "Lists the caller's files in a folder.", list)?
            .scope("mcp:tools:read"),
        Tool::waiting("delete_file", "Delete a file", "Moves a file to the trash, or deletes it for good.", delete)?
            .scope("mcp:tools:write")
            .destroys(),
    ])
}

async fn upload(call: Call, arguments: UploadArguments) -> Result<Uploaded, Failure> {
    let UploadArguments { filename, size_mb, folder } = arguments;
    let file_id = fresh_id("file")?;
    let hash = digest::of(serde_json::json!([filename, size_mb]).to_string().as_bytes());
    let file = Entry {
        mime_type: mime_type(&filename).to_owned(),
        url: format!("https://files.example/{file_id}"),
        checksum: format!("sha256:{}", digest::hex(&hash)),
        uploaded_at: call.clock.now().format(&Rfc3339)?,
        folder: tidy(&folder),
        file_id,
        filename,
        size_mb,
    };
    let kept = Kept { file, trashed: false };
    call.keep(FILE, &kept.file.file_id, &kept).await?;
    Ok(Uploaded { success: true, file: kept.file })
}

async fn list(call: Call, ListArguments { folder, sort_by }: ListArguments) -> Result<Listing, Failure> {
    let folder = tidy(&folder);
    let all = call.store.list::<Kept>(&call.owner(), FILE).await?;
    let here = all.into_iter().map(|kept| kept.body).filter(|kept| !kept.trashed && kept.file.folder == folder);
    let mut files: Vec<_> = here.map(|kept| kept.file).collect();
    match sort_by {
        SortBy::Name => files.sort_by(|one, other| one.filename.cmp(&other.filename)),
        SortBy::Size => files.sort_by(|one, other| other.size_mb.total_cmp(&one.size_mb)),
        SortBy::Date => {
            files.reverse();
            files.sort_by(|one, other| other.uploaded_at.cmp(&one.uploaded_at));
        }
    }
    let total_size_mb = round(files.iter().map(|file| file.size_mb).sum(), 3);
    Ok(Listing { success: true, folder, file_count: files.len(), total_size_mb, files })
}

async fn delete(call: Call, DeleteArguments { file_id, permanent }: DeleteArguments) -> Result<Deleted, Failure> {
    let owner = call.owner();
    let found = call.store.get::<Kept>(&owner, FILE, &file_id).await?.map(|found| found.body);
    let synthetic = found.is_none();
    match found {
        None if !call.demo => return Err(Failure::new("File not found")),
        None => {}
        Some(_) if permanent => drop(call.store.delete(&owner, FILE, &file_id).await?),
        Some(kept) if kept.trashed => return Err(Failure::new("The file is in the trash already")),
        Some(kept) => call.keep(FILE, &file_id, &Kept { trashed: true, ..kept }).await?,
    }
    let (deletion_type, message) =
        if permanent { ("permanent", "The file was deleted for good") } else { ("trash", "The file is in the trash") };
    Ok(Deleted { success: true, file_id, deletion_type, recoverable: !permanent, message, synthetic })
}

/// Normalises a path: one leading slash, no trailing or repeated ones.
fn tidy(folder: &str) -> String {
    let parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    format!("/{}", parts.join("/"))
}

fn mime_type(filename: &str) -> &'static str {
    let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref().unwrap_or_default() {
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_the_same_with_a_slash_before_it_or_without() {
        for (written, folder) in [
            ("documents", "/documents"),
            ("/documents", "/documents"),
            ("documents/", "/documents"),
            ("a//b", "/a/b"),
            ("", "/"),
            ("/", "/"),
        ] {
            assert_eq!(tidy(written), folder, "{written:?}");
        }
    }
}
