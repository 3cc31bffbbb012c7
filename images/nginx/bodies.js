// Whether there is room for one more large body.
//
// nginx keeps a body of up to client_body_buffer_size in memory and writes a larger one to a file, as it arrives: a
// caller who sends a byte now and then takes no room, whatever length it announces. What counts are the bytes that
// lie in files (client_body_in_file_only gives them names, which nginx's other files lose at once). The volume refuses
// what exceeds it, so that this is only the early, friendly answer. It may be late, too: nginx serves nobody while it
// looks at files, one by one, so that it does so a few times a second, however many requests ask.

import fs from 'fs';

const IN_MEMORY = 16 * 1024;
const FRESH = 250; // ms
const SHARE = 20; // of the time, one part is for looking
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

// What lies in files, as it was a moment ago. The pause after a look is at least 20 times as long as the look.
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

// How much may lie in a file: of unknown length, as much as is allowed.
function large(r) {
    const length = r.headersIn['Content-Length'];
    if (length === undefined) {
        return r.headersIn['Transfer-Encoding'] ? bytes(r.variables.max_body_size) : 0;
    }
    return Number(length) > IN_MEMORY ? Number(length) : 0;
}

// "1" where the request shall be rejected before its body is read.
function crowded(r) {
    const size = large(r);
    return size && taken(r.variables.body_folder) + size > bytes(r.variables.body_room) ? '1' : '';
}

// "1" where a body may lie in a file.
function mayBeLarge(r) {
    return large(r) ? '1' : '';
}

export default { crowded, mayBeLarge };
