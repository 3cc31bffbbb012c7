// Captures requests and responses: collects a response as it passes, and writes a record in the log phase.
//
// Imported only where capture is on. Nothing here may fail or delay a request: whatever goes wrong is a reason for which
// the record is dropped, and is counted. The state of a request is this module's own, since each request has its
// own context: rejections by the proxy begin another one, before anything of their response is collected.

import counts from 'counts.js';
import record from 'record.js';
import settings from 'settings.js';
import spool from 'spool.js';

const PART = 512; // bytes that njs and nginx need for a part of a response, beside its content

let parts = [];
let size = 0;
let reserved = 0;
let whole = false; // the response has ended as it should
let reason = ''; // for which the record is dropped

function stop(r, why) {
    reason = why;
    parts = [];
    r.done(); // the rest of the response passes without njs
}

// Whether nothing of the response is needed.
function ignored(r) {
    return !settings.sampled(r) || !capturing.output || !settings.listed(r.headersOut['Content-Type']);
}

function begin(r) {
    if (ignored(r)) {
        stop(r, '');
    } else if (Number(r.headersOut['Content-Length']) > capturing.maxBytes || record.inputIsTooLarge(r)) {
        stop(r, 'too_large');
    }
}

function keep(r, data) {
    const more = data.length + PART;
    if (size + data.length > capturing.maxBytes) {
        stop(r, 'too_large');
    } else if (!spool.reserve(more, capturing.memory)) {
        stop(r, 'memory');
    } else {
        reserved += more;
        size += data.length;
        parts.push(data);
    }
}

// A part of a response, which is passed on first (js_body_filter).
function collect(r, data, flags) {
    r.sendBuffer(data, { last: flags.last, flush: true });
    try {
        whole = whole || flags.last;
        if (!reserved) {
            begin(r);
        }
        if (!reason && data.length) {
            keep(r, data);
        }
    } catch (error) {
        stop(r, 'error');
    }
}

// Empty: the record was captured.
function outcome(r) {
    if (!settings.sampled(r)) {
        return 'sampled_out';
    }
    if (reason) {
        return reason;
    }
    const made = record.make(r, Buffer.concat(parts), whole);
    return made.reason || spool.append(made);
}

function attempt(r) {
    try {
        return outcome(r);
    } catch (error) {
        return 'error';
    }
}

// The request is over (the log phase). As counts.js, which see.
function count(r) {
    counts.count(r);
    const result = attempt(r);
    spool.release(reserved);
    spool.count(result);
    return '1';
}

export default { collect, count };
