// Runs every way through both state machines in a second interpreter, aws-local-stepfunctions,
// which like AWS ends an execution on a path that leads nowhere. Tasks are replaced by answers.
//
// Usage: node state_machine_ways.mjs INTERPRETER DEFINITIONS
//   INTERPRETER  aws-local-stepfunctions' module for Node.js
//   DEFINITIONS  the folder with the expanded definitions, LOGICAL_ID.asl.json
// Ends with status 1 and a line for each way that ended otherwise than it should.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// The interpreter takes it from Node.js 22; nothing else keeps it from running on older ones.
Promise.withResolvers ??= function () {
  let settle;
  const promise = new this((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...settle };
};

const [interpreter, definitions] = process.argv.slice(2);
const { StateMachine } = await import(pathToFileURL(interpreter));

function definition(name) {
  return JSON.parse(readFileSync(join(definitions, `${name}.asl.json`)));
}

// Runs a definition with one list of answers for each task, of which the last one stays; a text
// is the name of an error. Returns the tasks in order, and how it ended.
async function run(definition, input, answers) {
  const machine = structuredClone(definition);
  // The interpreter knows no time limit of a whole execution and would wait between attempts.
  delete machine.TimeoutSeconds;
  const tasks = [];
  const handlers = {};
  const waits = {};
  for (const [name, state] of Object.entries(machine.States)) {
    if (state.Type === 'Wait') waits[name] = 0;
    if (state.Type !== 'Task') continue;
    delete state.Retry;
    const left = [...(answers[name] ?? [])];
    handlers[name] = () => {
      tasks.push(name);
      const answer = left.length > 1 ? left.shift() : left[0];
      if (typeof answer !== 'string') return answer;
      const error = new Error(`${answer} happened`);
      error.name = answer;
      throw error;
    };
  }
  const context = {
    Execution: { Id: 'arn', Input: input, Name: 'execution', StartTime: 'now' },
    State: { EnteredTime: 'now', Name: 'state' },
    StateMachine: { Id: 'arn', Name: 'machine' },
  };
  const overrides = { taskResourceLocalHandlers: handlers, waitTimeOverrides: waits };
  try {
    await new StateMachine(machine, { checkPaths: false, checkArn: false }).run(input, { overrides, context }).result;
    return [tasks, 'SUCCEEDED'];
  } catch (error) {
    return [tasks, String(error.message)];
  }
}

const wrong = [];

async function way(machine, name, input, answers, expectedTasks, ending) {
  const [tasks, ended] = await run(machine, input, answers);
  if (tasks.join(' ') !== expectedTasks || !ended.includes(ending)) {
    wrong.push(`${name}: ${tasks.join(' ')}: ${ended}`);
  }
}

const restore = definition('CognitoDRStateMachine');
// What an answer of find-latest-backup always has (`FindResponse`).
const found = {
  user_pool_id: 'us-east-1_A', s3_key: 'key', version_id: null, backup_timestamp: 'then', backup_ended: 'then',
  ended_by: 'trailer', bytes: 1, passed_over: [], options: {},
};
const answer = (status) => ({ status, wait_seconds: 0, step: 'users', users_done: 0 });
const way_of = (ending) => [answer('IN_PROGRESS'), answer('WAITING'), answer(ending)];
const good = {
  FindLatestBackup: [found],
  Restore: way_of('SUCCESS'),
  ReportFailure: [answer('FAILED')],
  NotifyFailure: [{ MessageId: 'm' }],
};
const input = { user_pool_id: 'us-east-1_A', options: {} };
const all = 'FindLatestBackup Restore Restore Restore';
const unknown = 'a status that the state machine does not know';

await way(restore, 'an ordinary restore', input, good, all, 'SUCCEEDED');
await way(restore, 'a resumed restore', { ...input, resume: 'restore' }, good, all, 'SUCCEEDED');
await way(restore, 'losses', input, { ...good, Restore: way_of('SUCCESS_WITH_LOSSES') }, all, 'SUCCEEDED');
await way(restore, 'differences', input, { ...good, Restore: way_of('FAILED') }, all, 'differs from the backup');
await way(restore, 'an odd status', input, { ...good, Restore: way_of('ODD') }, `${all} ReportFailure`, unknown);
for (const odd of [{}, [], 'text', null, { user_pool_id: 7 }]) {
  await way(restore, `input ${JSON.stringify(odd)}`, odd, good, 'NotifyFailure', 'user_pool_id required');
}
const before = { FindLatestBackup: '', Restore: 'FindLatestBackup' };
for (const [task, tasks] of Object.entries(before)) {
  const failing = { ...good, [task]: ['NotAuthorized'] };
  const way_there = `${tasks} ${task} ReportFailure`.trim();
  await way(restore, `${task} fails`, input, failing, way_there, 'NotAuthorized happened');
  const dumb = { ...failing, ReportFailure: ['Internal'] };
  await way(restore, `${task} fails, and its report`, input, dumb, `${way_there} NotifyFailure`, 'NotAuthorized happened');
  const silent = { ...dumb, NotifyFailure: ['Internal'] };
  await way(restore, `${task} fails, and nobody can be told`, input, silent, `${way_there} NotifyFailure`, 'NotAuthorized happened');
}

const backup = definition('CognitoBackupContinuation');
const reading = { status: 'IN_PROGRESS', continue: {} };
const done = { status: 'DONE', backups: [] };
await way(backup, 'a long backup', { continue: {} }, { Continue: [reading, done] }, 'Continue Continue', 'SUCCEEDED');
await way(backup, 'no cursor', {}, { Continue: [done] }, '', 'continue required');
await way(backup, 'an odd status', { continue: {} }, { Continue: [{ status: 'ODD' }] }, 'Continue', 'neither IN_PROGRESS nor DONE');
await way(backup, 'a cursor that is lost', { continue: {} }, { Continue: [{ status: 'IN_PROGRESS' }] }, 'Continue', 'neither IN_PROGRESS nor DONE');

// The interpreter must be as strict as it is trusted to be.
const lenient = structuredClone(restore);
lenient.States.IsResumed.Choices = [{ Variable: '$.resume', IsString: true, Next: 'ResumeRestore' }];
const [, ended] = await run(lenient, input, good);
if (ended === 'SUCCEEDED') wrong.push('the interpreter lets a path pass that leads nowhere');

for (const line of wrong) console.log(line);
process.exitCode = wrong.length > 0 ? 1 : 0;
