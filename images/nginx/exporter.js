// Parses what Fluent Bit's process_exporter_metrics says, in Prometheus' text format, of which the model may have
// written every byte: it shares a user and the network with Fluent Bit.
//
// Known names with plain numbers count, everything else is ignored. A name of a process says nothing here: a model
// chooses those of its own. Fluent Bit keeps what a process was called before, and who its parent was; the last is current.

import turns from 'turns.js';

const LINES = 4096;
const LONGEST = 512; // bytes of a line
const PROCESSES = 512;
const LINE = /^process_([a-z_]+)\{(.+)\} (\d{1,15}(?:\.\d{1,20})?)$/;
const PID = /(?:^|,)pid="([1-9]\d{0,8})"(?:,|$)/;

// What a sample is about: its name, and the label that tells it from others of the same name.
const FIELDS = {
    cpu_seconds_total: { label: /(?:^|,)mode="(user|system)"(?:,|$)/, user: 'user', system: 'system' },
    memory_bytes: { label: /(?:^|,)type="(rss)"(?:,|$)/, rss: 'memory' },
    read_bytes_total: { only: 'read' },
    write_bytes_total: { only: 'written' },
    open_filedesc: { only: 'files' },
};

function fieldOf(name, labels) {
    const known = Object.prototype.hasOwnProperty.call(FIELDS, name) ? FIELDS[name] : {};
    const found = known.label && known.label.exec(labels);
    return found ? known[found[1]] : known.only;
}

// One line's number, among those of its process; null if it says nothing of interest.
function sample(line) {
    const parts = line.length <= LONGEST && line.startsWith('process_') ? LINE.exec(line) : null;
    const pid = parts && PID.exec(parts[2]);
    const field = pid && fieldOf(parts[1], parts[2]);
    return field ? { pid: pid[1], field, value: Number(parts[3]) } : null;
}

// Field -> number, by process id.
async function parse(text) {
    const processes = {};
    let count = 0;
    await turns.each(text.split('\n', LINES), (line) => {
        const found = sample(line);
        if (found && !processes[found.pid] && count < PROCESSES) {
            processes[found.pid] = {};
            count += 1;
        }
        if (found && processes[found.pid]) {
            processes[found.pid][found.field] = found.value;
        }
    });
    return processes;
}

export default { parse };
