// What the kernel says about the processes of the pod, which share a process namespace where Fluent Bit runs.
//
// A model chooses the names of its processes, and what a file with the user of the model's container says. It can
// choose neither the mounts of a container nor the parent of a process, and the kernel shows both to every user.

import fs from 'fs';

const SUPERVISOR = ' /supervise '; // where containers of optional sidecars, and no others, have the supervisor
const INFRASTRUCTURE = '1'; // the process that holds the pod's namespaces

function read(path) {
    try {
        return fs.readFileSync(path, 'utf8');
    } catch (gone) {
        return '';
    }
}

// Parent, threads and the time of the start in ticks; null if there is no such process.
function look(pid) {
    const stat = read(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before it may contain anything
    return stat && { parent: Number(fields[1]), threads: Number(fields[17]), start: Number(fields[19]) };
}

// Which part of the pod a process belongs to; that of one process never changes.
function partOf(pid, parent) {
    if (pid === String(process.ppid) || parent === process.ppid) {
        return 'nginx'; // nginx' own: this is one of its workers
    }
    if (pid === INFRASTRUCTURE || read(`/proc/${pid}/mountinfo`).includes(SUPERVISOR)) {
        return 'other';
    }
    return 'model';
}

export default { look, partOf };
