// The result of a probe of the model: its own response, or, while it is busy, its responses to callers.
//
// A server that handles one request at a time does not respond to a probe while it works. So the proxy tracks for how
// long responses have been outstanding without any response: to requests, whether their callers still wait or not, and
// to probes. Each response resets that time. While it is short, the model counts as working; after that, and
// whenever nothing is outstanding, the model's own response to the probe decides. New requests do not reset the time:
// a hung server cannot hide behind callers who retry.
//
// State is kept in shared memory, since each request has its own JavaScript context, and lives as long as the worker:
// a crashed worker would leave counts that nothing decrements.

import answers from 'answers.js';

const STREAM = 480 * 1000; // ms; a slowly read stream proves little: SageMaker's maximum
const PAUSE = 15 * 1000; // ms between probes of a busy server that does not respond; each waits in its queue

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

// How long the model may send nothing, in ms.
function timeout(r) {
    return milliseconds(r.variables.invocation_timeout);
}

// The model has sent a response.
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

// The head of the model's response has arrived (js_header_filter).
function answer(r) {
    if (r.variables.stage === 'rejected') {
        return; // the head of reject's own response
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

// Responds in place of the model. The final error makes nginx close both connections: what the model
// sends after its response must not be taken for the response to the next request.
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

// The request is over (counts.js calls it in the log phase; every request of callers is counted and logged).
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
}

// Requests that are handed to the model and not over.
function inFlight() {
    return state().get('requests') || 0;
}

function isWorking(r) {
    const shared = state();
    const owing = shared.get('owing');
    const limit = shared.get('streams') > 0 ? STREAM : timeout(r);
    return owing !== undefined && Date.now() - owing < limit;
}

// A probe: forwarded to the model, unless it is busy and has just not responded to one.
function probe(r) {
    const asked = state().get('unanswered') || 0;
    if (isWorking(r) && Date.now() - asked < PAUSE) {
        r.return(200, 'the model is working\n');
    } else {
        r.internalRedirect('/ask');
    }
}

// The model has responded to a probe (js_header_filter). A redirect is for people, and leads nowhere on this port.
function probed(r) {
    const shared = state();
    shared.delete('unanswered');
    renew(shared);
    if (r.status >= 300 && r.status < 400) {
        r.status = 200;
        delete r.headersOut.Location;
    }
}

// The probe timed out.
function unanswered(r) {
    state().set('unanswered', Date.now());
    if (isWorking(r)) {
        r.return(200, 'the model is working\n');
    } else {
        r.return(504, 'the model does not answer\n');
    }
}

export default { handOver, answer, end, timeout, inFlight, probe, probed, unanswered };
