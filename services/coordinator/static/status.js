// Shows /status, every two seconds, as text: nothing of it is taken for HTML.
const EVERY_MS = 2_000;
const STALE_MS = 10_000;
let shownAt = 0;

async function look() {
  try {
    const response = await fetch("/status", { signal: AbortSignal.timeout(EVERY_MS * 4) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
    shownAt = Date.now();
  } catch {
    // What was shown last stays, and says how old it is.
  }
  showAge();
  setTimeout(look, EVERY_MS);
}

function show({ version, role, jobs, workers, backlog }) {
  text("coordinator", `${version}, ${role}`);
  const count = (state) => workers.filter((worker) => worker.state === state).length;
  const work = backlog.reduce((sum, { workSeconds }) => sum + workSeconds, 0);
  const numbers = {
    running: jobs.running,
    waiting: jobs.queued,
    "oldest waits": duration(jobs.oldestQueuedSeconds),
    backlog: work === 0 ? "none" : `${duration(work)} of one worker`,
    "idle workers": count("idle"),
    "busy workers": count("busy"),
    "draining workers": count("draining"),
  };
  document.getElementById("numbers").replaceChildren(
    ...Object.entries(numbers).map(([name, value]) => {
      const box = document.createElement("div");
      box.append(element("dt", name), element("dd", value));
      return box;
    }),
  );
  const inState = (...states) => jobs.list.filter((job) => states.includes(job.state));
  fill("running", inState("running", "cancelling"), (job) => [
    job.id,
    job.model,
    job.size,
    progress(job),
    group(job.degrees),
    job.workerIds.join(", "),
    job.attempts,
    duration(job.runSeconds),
  ]);
  fill("queued", inState("queued"), (job) => [
    job.id,
    job.model,
    job.size,
    job.tenant,
    job.priority,
    job.queuePosition,
    duration(job.waitSeconds),
    job.waitReason,
  ]);
  fill("workers", workers, (worker) => [
    worker.id,
    coloured(worker.state),
    worker.device,
    worker.precision,
    worker.models.join(", "),
    worker.jobId,
    worker.hostname,
    duration(worker.connectedSeconds),
  ]);
  fill("ended", inState("completed", "failed", "cancelled"), (job) => [
    job.id,
    coloured(job.state),
    job.model,
    job.size,
    job.attempts,
    duration(job.runSeconds),
    job.error === undefined ? "" : `${job.error.code}: ${job.error.message}`,
  ]);
}

function fill(table, rows, cellsOf) {
  const body = document.querySelector(`#${table} tbody`);
  if (rows.length === 0) {
    const cell = element("td", "none");
    cell.className = "none";
    cell.colSpan = document.querySelectorAll(`#${table} th`).length;
    const row = document.createElement("tr");
    row.append(cell);
    body.replaceChildren(row);
    return;
  }
  body.replaceChildren(
    ...rows.map((row) => {
      const line = document.createElement("tr");
      line.append(
        ...cellsOf(row).map((cell) => {
          const box = document.createElement("td");
          box.append(cell instanceof Node ? cell : String(cell ?? ""));
          return box;
        }),
      );
      return line;
    }),
  );
}

function progress({ state, stage, step, steps }) {
  const box = document.createElement("span");
  const bar = document.createElement("progress");
  bar.max = steps;
  bar.value = step;
  box.append(bar, ` ${state === "cancelling" ? "cancelling" : stage}, step ${step} of ${steps}`);
  return box;
}

function group(degrees) {
  if (degrees === undefined) return "";
  return degrees.cfg * degrees.context === 1 ? "alone" : `cfg ${degrees.cfg}, context ${degrees.context}`;
}

function coloured(state) {
  const box = element("span", state);
  box.className = state;
  return box;
}

function duration(seconds) {
  if (seconds === undefined) return "";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

function showAge() {
  const age = document.getElementById("age");
  const isStale = Date.now() - shownAt > STALE_MS;
  age.className = isStale ? "stale" : "";
  if (shownAt === 0) age.textContent = isStale ? "the coordinator does not answer" : "loading";
  else age.textContent = isStale ? `no answer for ${duration((Date.now() - shownAt) / 1000)}` : "up to date";
}

function text(id, value) {
  document.getElementById(id).textContent = value;
}

function element(name, value) {
  const made = document.createElement(name);
  made.textContent = String(value ?? "");
  return made;
}

look();
