// Whether there is space for one more large body.
//
// nginx keeps a body of up to client_body_buffer_size in memory and writes a larger one to a file, as it arrives: a
// caller who sends a byte now and then uses no space, whatever length it announces. Only the bytes that are stored
// in files count (client_body_in_file_only gives them names, which nginx's other files lose at once). The volume
// rejects what exceeds it, so this is only an early, friendly response. It can be stale, too: nginx serves no requests
// while it looks at files, one by one, so it does so a few times per second, however many requests there are.

import fs from 'fs';

const IN_MEMORY = 16 * 1024;
const FRESH = 250; // ms
const SHARE = 20; // at most this fraction (1/SHARE) of the time is for measuring
const UNITS = { k: 1024, m: 1024 * 1024, g: 1024 * 1024 * 1024 };

function bytes(size) {
    const unit = UNITS[size.slice(-1)];
    return unit ? Number(size.slice(0, -1)) * unit : Number(size);
}

function sizeOf(path) {
    try {
        return fs.statSync(path).size;
    } catch (gone) {
        return 0;
    }
}

function measured(folder) {
    return fs.readdirSync(folder).reduce((sum, name) => sum + sizeOf(`${folder}/${name}`), 0);
}

// Bytes in files, as of a moment ago. The pause after a measurement is at least 20 times as long as the measurement.
function taken(folder) {
    const shared = ngx.shared.bodies;
    const begin = Date.now();
    const age = begin - shared.get('seen'); // below 0 where the clock was set back
    if (!(age >= 0 && age < shared.get('pause'))) {
        shared.set('taken', measured(folder));
        const end = Date.now();
        shared.set('seen', end);
        shared.set('pause', Math.max(FRESH, SHARE * (end - begin)));
    }
    return shared.get('taken');
}

// Bytes that a body may take in a file; for an unknown length, the maximum.
function large(r) {
    const length = r.headersIn['Content-Length'];
    if (length === undefined) {
        return r.headersIn['Transfer-Encoding'] ? bytes(r.variables.max_body_size) : 0;
    }
    return Number(length) > IN_MEMORY ? Number(length) : 0;
}

// "1" if the request must be rejected before its body is read.
function crowded(r) {
    const size = large(r);
    return size && taken(r.variables.body_folder) + size > bytes(r.variables.body_room) ? '1' : '';
}

// "1" if a body may be stored in a file.
function mayBeLarge(r) {
    return large(r) ? '1' : '';
}

export default { crowded, mayBeLarge };
