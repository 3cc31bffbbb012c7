// The spool: a folder with files of records, one for each slot of time, which the shipper deletes once it has shipped them.
//
// Its state is in shared memory. What belongs to a worker (memory in use, sequence, files) ends with it: a new one has
// another `boot` in the names of its files, so nothing is appended to what a killed worker has left.

import fs from 'fs';

const SLOT = 10; // s
const FILE = 16 * 1024 * 1024; // bytes of a file at most
const FILES = 4096; // so that measuring them takes no time to speak of
const FRESH = 1000; // ms
const SHARE = 100; // at most this fraction (1/SHARE) of the time is for measuring
const PAUSE = 1000; // ms without an attempt after a failed write
const HALF = 4294967296; // 2 ** 32

function hex(number) {
    return `0000000${number.toString(16)}`.slice(-8);
}

function begin(shared) {
    shared.set('worker', process.pid);
    shared.set('memory', 0);
    shared.set('sequence', 0);
    shared.set('slot', 0);
    shared.set('seen', 0);
    shared.set('boot high', Math.floor(Math.random() * HALF));
    shared.set('boot low', Math.floor(Math.random() * HALF));
}

function state() {
    const shared = ngx.shared.capture;
    if (shared.get('worker') !== process.pid) {
        begin(shared);
    }
    return shared;
}

// Takes memory for a response that is collected, if there is some.
function reserve(bytes, budget) {
    const shared = state();
    if (shared.get('memory') + bytes > budget) {
        return false;
    }
    shared.incr('memory', bytes);
    return true;
}

function release(bytes) {
    if (bytes) {
        state().incr('memory', -bytes);
    }
}

function sizeOf(path) {
    try {
        return fs.statSync(path).size;
    } catch (gone) {
        return 0;
    }
}

function listed() {
    try {
        return fs.readdirSync(capturing.folder).filter((name) => /\.jsonl$/.test(name));
    } catch (gone) {
        return []; // writing says so
    }
}

function measure(shared, begun) {
    const names = listed();
    shared.set('bytes', names.reduce((sum, name) => sum + sizeOf(`${capturing.folder}/${name}`), 0));
    shared.set('files', names.length);
    const end = Date.now();
    shared.set('seen', end);
    shared.set('pause', Math.max(FRESH, SHARE * (end - begun)));
}

// Bytes in the spool, or a moment ago; never less than there are.
function taken(shared) {
    const now = Date.now();
    const age = now - shared.get('seen'); // below 0 where the clock was set back
    if (!(age >= 0 && age < shared.get('pause'))) {
        measure(shared, now);
    }
    return shared.get('bytes');
}

function hasRoom(shared, bytes) {
    const fits = () => shared.get('bytes') + bytes <= capturing.spool && shared.get('files') < FILES;
    if (shared.get('seen') && fits()) {
        return true;
    }
    taken(shared);
    return fits();
}

function path(shared) {
    const part = shared.get('part');
    const name = `${shared.get('slot')}-${hex(shared.get('boot high'))}${hex(shared.get('boot low'))}`;
    return `${capturing.folder}/${name}${part ? `-${part}` : ''}.jsonl`;
}

function next(shared, part) {
    shared.set('part', part);
    shared.set('length', 0);
}

// Chooses the file for so many bytes.
function choose(shared, bytes) {
    const slot = Math.floor(Date.now() / 1000 / SLOT) * SLOT;
    if (slot > shared.get('slot')) {
        shared.set('slot', slot);
        next(shared, 0);
    } else if (shared.get('length') + bytes > FILE) {
        next(shared, shared.get('part') + 1);
    }
}

function write(shared, line) {
    choose(shared, line.length);
    if (!shared.get('length')) {
        shared.incr('files', 1, 0);
    }
    try {
        fs.appendFileSync(path(shared), line);
        shared.incr('length', line.length);
        shared.incr('bytes', line.length, 0);
        return '';
    } catch (error) {
        shared.set('failed', Date.now());
        next(shared, shared.get('part') + 1); // behind a part of a line, nothing may follow
        return 'write_failed';
    }
}

// Appends a record; the reason if it cannot.
function append(record) {
    const shared = state();
    record.mlendpoints.boot = hex(shared.get('boot high')) + hex(shared.get('boot low'));
    record.mlendpoints.sequence = shared.get('sequence') + 1;
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    const sinceFailure = Date.now() - shared.get('failed');
    if (line.length > FILE) {
        return 'too_large';
    }
    if (sinceFailure >= 0 && sinceFailure < PAUSE) {
        return 'write_failed';
    }
    if (!hasRoom(shared, line.length)) {
        return 'spool_full';
    }
    const failure = write(shared, line);
    if (!failure) {
        shared.incr('sequence', 1);
    }
    return failure;
}

// Counts a result: captured if empty, sampled_out, or the reason for which the record was dropped.
function count(result) {
    ngx.shared.capture.incr(`result ${result || 'captured'}`, 1, 0);
}

export default { reserve, release, append, count, taken, state };
