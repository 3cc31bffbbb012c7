// Whether the model works, as probes ask: by its own answer, or by what callers see of it while it is busy.
//
// A server that handles one request at a time does not answer a probe while it works. So the proxy remembers since
// when the model owes an answer without having given any: to requests, whether their callers still wait or not, and
// to probes. Each answer starts that time anew. While it is short the model counts as working; after that, and
// whenever the model owes nothing, its own answer to the probe decides. New requests do not start the time anew:
// a server that hangs cannot hide behind callers who retry.
//
// State is kept in shared memory, since each request has a JavaScript of its own, and forgotten with the process:
// nginx's worker, should it crash, leaves counts that nobody will lower.

import answers from 'answers.js';

const STREAM = 480 * 1000; // ms; a stream that is read slowly proves little: SageMaker's longest
const PAUSE = 15 * 1000; // ms between questions that a busy server leaves unanswered, each of which waits in its queue

function state() {
    const shared = ngx.shared.progress;
    if (shared.get('worker') !== process.pid) {
        shared.clear();
        shared.set('worker', process.pid);
    }
    return shared;
}

function milliseconds(time) {
    return parseInt(time, 10) * (/ms$/.test(time) ? 1 : 1000);
}

// The model has answered something.
function renew(shared) {
    if (shared.get('requests') > 0) {
        shared.set('owing', Date.now());
    } else {
        shared.delete('owing');
    }
}

// A request is handed to the model: the value of a header that is sent, evaluated once, when the body is whole.
function handOver(r) {
    const shared = state();
    r.variables.stage = 'asked';
    shared.incr('requests', 1, 0);
    shared.add('owing', Date.now());
    return '';
}

// The head of the model's answer is here (js_header_filter).
function answer(r) {
    if (r.variables.stage === 'rejected') {
        return; // the head of reject's own answer
    }
    const shared = state();
    r.variables.stage = 'answered';
    shared.incr('streams', 1, 0);
    renew(shared);
    const fault = answers.fault(r);
    if (fault) {
        reject(r, fault);
    }
    answers.correct(r);
}

// Answers in the place of the model. The error that it ends with has nginx close both connections: what the model
// sends after its answer must not be taken for the answer to the next request.
function reject(r, fault) {
    end(r);
    r.variables.stage = 'rejected';
    const body = JSON.stringify({ error: `the model server's answer could not be passed on: ${fault}` }) + '\n';
    answers.clear(r);
    r.headersOut['Content-Type'] = 'application/json';
    r.headersOut.Connection = 'close';
    r.status = 502; // instead of the model's status line
    r.return(502, body);
    throw new Error(fault);
}

// The request is over (in the log phase; every request of callers is logged).
function end(r) {
    const stage = r.variables.stage;
    if (stage && stage !== 'rejected') {
        const shared = state();
        shared.incr('requests', -1, 0);
        if (stage === 'answered') {
            shared.incr('streams', -1, 0);
            renew(shared);
        }
    }
    return '1';
}

function isWorking(r) {
    const shared = state();
    const owing = shared.get('owing');
    const limit = shared.get('streams') > 0 ? STREAM : milliseconds(r.variables.invocation_timeout);
    return owing !== undefined && Date.now() - owing < limit;
}

// A probe: asks the model, unless it is busy and was asked in vain just now.
function probe(r) {
    const asked = state().get('unanswered') || 0;
    if (isWorking(r) && Date.now() - asked < PAUSE) {
        r.return(200, 'the model is working\n');
    } else {
        r.internalRedirect('/ask');
    }
}

// The model has answered a probe (js_header_filter). A redirect is for people, and leads nowhere on this port.
function probed(r) {
    const shared = state();
    shared.delete('unanswered');
    renew(shared);
    if (r.status >= 300 && r.status < 400) {
        r.status = 200;
        delete r.headersOut.Location;
    }
}

// The model has not answered a probe in time.
function unanswered(r) {
    state().set('unanswered', Date.now());
    if (isWorking(r)) {
        r.return(200, 'the model is working\n');
    } else {
        r.return(504, 'the model does not answer\n');
    }
}

export default { handOver, answer, end, probe, probed, unanswered };
