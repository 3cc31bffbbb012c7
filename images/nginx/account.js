// The account of captured records for /metrics, where capture is on: what nginx or the recorder counted, and the shipper's
// ledger.
//
// The ledger is read like a stranger's: bounded, numbers only, reasons that are words. Records in the spool are those that
// were captured and are neither shipped nor lost, so that the account balances at every scrape.

import fs from 'fs';
import metrics from 'metrics.js';
import spool from 'spool.js';

const LEDGER = 64 * 1024; // bytes
const REASONS = ['content_type', 'error', 'memory', 'spool_full', 'too_large', 'unredactable', 'write_failed'];
const RECORDERS = ['content_type', 'spool_full', 'too_large', 'unpaired', 'unreadable', 'unredactable', 'write_failed'];
const WORD = /^[a-z][a-z_]{0,31}$/;
const WORDS = 16;
const LOST = ['missing', 'rejected', 'too_large']; // usual reasons, which begin at 0, so that a rate sees their first record

function amount(value) {
    return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.floor(value) : 0;
}

function parsed(path) {
    try {
        const ledger = fs.statSync(path).size <= LEDGER ? JSON.parse(fs.readFileSync(path)) : {};
        return ledger !== null && typeof ledger === 'object' ? ledger : {};
    } catch (missing) {
        return {};
    }
}

function part(ledger, name) {
    return ledger[name] !== null && typeof ledger[name] === 'object' ? ledger[name] : {};
}

// What the shipper did: records shipped; lost by reason; whether its sink takes them, if it has tried.
function ledger() {
    const read = parsed(`${capturing.folder}/.ledger.json`);
    const lost = {};
    LOST.forEach((word) => {
        lost[word] = 0;
    });
    Object.keys(part(read, 'lost')).filter((word) => WORD.test(word)).sort().slice(0, WORDS - LOST.length).forEach((word) => {
        lost[word] = amount(read.lost[word]);
    });
    return { shipped: amount(part(read, 'shipped').records), lost: lost, sink: part(read, 'sink').ok };
}

function total(lost) {
    return Object.keys(lost).reduce((sum, word) => sum + lost[word], 0);
}

// How many requests had a result: as nginx has counted, or the recorder says.
function counted(shared) {
    if (capturing.engine !== 'gor') {
        return (result) => shared.get(`result ${result}`) || 0;
    }
    const results = part(parsed(`${capturing.folder}/.recorder.json`), 'results');
    return (result) => amount(results[result]);
}

// Records that were shipped, without those of an earlier process of this pod, whose count has ended with it.
function shipped(shared, found, captured) {
    const surplus = found.shipped + total(found.lost) - captured;
    if (surplus > (shared.get('earlier') || 0)) {
        shared.set('earlier', surplus);
    }
    return Math.max(0, found.shipped - (shared.get('earlier') || 0));
}

function results(count) {
    const reasons = capturing.engine === 'gor' ? RECORDERS : REASONS;
    const sample = (result, reason, key) => [`result="${result}",reason="${reason}"`, count(key)];
    return [sample('captured', '', 'captured'), sample('sampled_out', '', 'sampled_out')]
        .concat(reasons.map((reason) => sample('dropped', reason, reason)));
}

// Samples by the metrics' names, each with its further labels.
function samples() {
    const shared = spool.state();
    const found = ledger();
    const count = counted(shared);
    const captured = count('captured');
    const gone = shipped(shared, found, captured);
    return {
        mlendpoints_capture_records_total: results(count),
        mlendpoints_capture_shipped_total: [['', gone]],
        mlendpoints_capture_lost_total: Object.keys(found.lost).map((word) => [`reason="${word}"`, found.lost[word]]),
        mlendpoints_capture_spooled_records: [['', Math.max(0, captured - gone - total(found.lost))]],
        mlendpoints_capture_spool_bytes: [['', spool.taken(shared)]],
        mlendpoints_capture_sink_up: typeof found.sink === 'boolean' ? [['', Number(found.sink)]] : [],
    };
}

function exposition(r) {
    metrics.expose(r, samples());
}

export default { exposition };
