//! Projects and their tasks, separately for each caller.
use super::{
    Failure,
    call::Call,
    dates,
    fake::{Fake, fresh_id},
    tool::{Set, Tool},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::{Duration, format_description::well_known::Rfc3339};

pub(super) const SET: Set = Set { name: "projects", title: "Project Manager", tools };

/// Kinds of document.
const PROJECT: &str = "project";
const TASK: &str = "task";

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Priority {
    Low,
    #[default]
    Medium,
    High,
    Critical,
}

#[derive(Deserialize, JsonSchema)]
struct ProjectArguments {
    #[schemars(length(min = 1, max = 200))]
    name: String,
    #[schemars(length(max = 2000))]
    description: String,
    /// A day, `2026-12-31`.
    #[schemars(extend("format" = "date"))]
    deadline: String,
    #[serde(default)]
    priority: Priority,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Plan {
    project_id: String,
    name: String,
    description: String,
    deadline: String,
    priority: Priority,
    status: String,
    /// RFC 3339, UTC.
    created_at: String,
    /// From 0 to 100.
    completion_percentage: u8,
}

#[derive(Serialize, JsonSchema)]
struct Created {
    success: bool,
    #[serde(flatten)]
    project: Plan,
}

#[derive(Deserialize, JsonSchema)]
struct TaskArguments {
    #[schemars(length(min = 1, max = 100))]
    project_id: String,
    #[schemars(length(min = 1, max = 200))]
    title: String,
    #[schemars(length(min = 1, max = 100))]
    assignee: String,
    /// A day, `2026-12-31`.
    #[schemars(extend("format" = "date"))]
    due_date: String,
}

#[derive(Deserialize, Serialize, JsonSchema)]
struct ToDo {
    task_id: String,
    project_id: String,
    title: String,
    assignee: String,
    due_date: String,
    status: String,
    /// RFC 3339, UTC.
    created_at: String,
}

#[derive(Serialize, JsonSchema)]
struct Added {
    success: bool,
    #[serde(flatten)]
    task: ToDo,
    /// There is no such project; the answer is made up, and nothing was kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    synthetic: bool,
}

#[derive(Deserialize, JsonSchema)]
struct StatusArguments {
    #[schemars(length(min = 1, max = 100))]
    project_id: String,
}

#[derive(Serialize, JsonSchema)]
struct Progress {
    project_id: String,
    name: String,
    status: String,
    deadline: String,
    /// From 0 to 100.
    completion_percentage: u8,
    tasks: Tasks,
    /// What is due next.
    next_milestone: String,
    /// There is no such project; the answer is made up.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    synthetic: bool,
}

/// How many.
#[derive(Serialize, JsonSchema)]
struct Tasks {
    total: usize,
    completed: usize,
    in_progress: usize,
    todo: usize,
}

fn tools() -> anyhow::Result<Vec<Tool>> {
    Ok(vec![
        Tool::waiting("create_project", "Create a project", "Starts a project of the caller's.", create)?
            .scope("mcp:tools:write")
            .writes(),
        Tool::waiting("add_task", "Add a task", "Adds a task to a project.", add_task)?
            .scope("mcp:tools:write")
            .writes(),
        Tool::waiting("get_project_status", "Project status", "Tells how far a project is.", status)?
            .scope("mcp:tools:read"),
    ])
}

async fn create(call: Call, arguments: ProjectArguments) -> Result<Created, Failure> {
    let ProjectArguments { name, description, deadline, priority } = arguments;
    let project = Plan {
        project_id: fresh_id("proj")?,
        name,
        description,
        deadline,
        priority,
        status: "active".to_owned(),
        created_at: call.clock.now().format(&Rfc3339)?,
        completion_percentage: 0,
    };
    call.keep(PROJECT, &project.project_id, &project).await?;
    Ok(Created { success: true, project })
}

async fn add_task(call: Call, arguments: TaskArguments) -> Result<Added, Failure> {
    let TaskArguments { project_id, title, assignee, due_date } = arguments;
    let owner = call.owner();
    let known = call.store.get::<Plan>(&owner, PROJECT, &project_id).await?.is_some();
    if !known && !call.demo {
        return Err(Failure::new("Project not found"));
    }
    let task = ToDo {
        task_id: fresh_id("task")?,
        project_id,
        title,
        assignee,
        due_date,
        status: "todo".to_owned(),
        created_at: call.clock.now().format(&Rfc3339)?,
    };
    if known {
        call.keep(TASK, &task.task_id, &task).await?;
    }
    Ok(Added { success: true, task, synthetic: !known })
}

async fn status(call: Call, StatusArguments { project_id }: StatusArguments) -> Result<Progress, Failure> {
    let owner = call.owner();
    let Some(project) = call.store.get::<Plan>(&owner, PROJECT, &project_id).await? else {
        return if call.demo { Ok(made_up(&call, project_id)) } else { Err(Failure::new("Project not found")) };
    };
    let all = call.store.list::<ToDo>(&owner, TASK).await?;
    let tasks: Vec<_> = all.into_iter().map(|task| task.body).filter(|task| task.project_id == project_id).collect();
    let of = |status: &str| tasks.iter().filter(|task| task.status == status).count();
    let counts =
        Tasks { total: tasks.len(), completed: of("completed"), in_progress: of("in_progress"), todo: of("todo") };
    let open = tasks.iter().filter(|task| task.status != "completed");
    let next = open.min_by(|one, other| one.due_date.cmp(&other.due_date));
    let Plan { name, status, deadline, .. } = project.body;
    let next_milestone = next
        .map_or_else(|| format!("Deadline on {deadline}"), |task| format!("{}, due on {}", task.title, task.due_date));
    let completion_percentage = percentage(counts.completed, counts.total);
    let synthetic = false;
    Ok(Progress { project_id, name, status, deadline, completion_percentage, tasks: counts, next_milestone, synthetic })
}

fn percentage(part: usize, whole: usize) -> u8 {
    (part * 100).checked_div(whole).and_then(|percent| u8::try_from(percent).ok()).unwrap_or_default()
}

fn made_up(call: &Call, project_id: String) -> Progress {
    let mut fake = Fake::of(&[PROJECT, &project_id]);
    let mut count = |most| usize::try_from(fake.between(1, most)).unwrap_or_default();
    let (completed, in_progress, todo) = (count(12), count(5), count(8));
    let total = completed + in_progress + todo;
    let day = call.clock.now().date().saturating_add(Duration::days(fake.between(7, 90).into()));
    let deadline = dates::day(day);
    Progress {
        name: fake.one(&["Website relaunch", "Mobile app", "Data migration", "Security review"]).to_owned(),
        status: "active".to_owned(),
        completion_percentage: percentage(completed, total),
        tasks: Tasks { total, completed, in_progress, todo },
        next_milestone: fake.one(&["Design review", "First release", "Acceptance test"]).to_owned(),
        project_id,
        deadline,
        synthetic: true,
    }
}
