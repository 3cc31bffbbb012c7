// Reads what Fluent Bit says about the pod's processes, in the background, so that no scrape waits for it, and no
// request for more than a turn of it: at most 256 KiB (js_fetch_max_response_buffer_size), within a second.
//
// Fluent Bit has the model's user and network: the model can stop it, take its port, and answer in its place. So what
// is read here is the model's word about itself. It can add no series and no label, and stop nothing.

import exporter from 'exporter.js';
import kernel from 'kernel.js';
import turns from 'turns.js';

const PATIENCE = 1000; // ms
const OK = 200;
const REMEMBERED = 512; // processes beside those of which something is said
const TOGETHER = 60 * 100; // ticks: containers of one pod that start within a minute have started together
const COUNTERS = {
    user: 'mlendpoints_process_cpu_seconds_total user',
    system: 'mlendpoints_process_cpu_seconds_total system',
    read: 'mlendpoints_process_read_bytes_total',
    written: 'mlendpoints_process_written_bytes_total',
};
const GAUGES = {
    memory: 'mlendpoints_process_memory_bytes',
    threads: 'mlendpoints_process_threads',
    files: 'mlendpoints_process_open_files',
};

// Rejects a second later; the next look ends a request that still runs by then.
function late() {
    return new Promise((_, reject) => {
        setTimeout(() => reject(new Error('timed out')), PATIENCE);
    });
}

async function exported(port) {
    const reply = await Promise.race([ngx.fetch(`http://127.0.0.1:${port}/metrics`), late()]);
    if (reply.status !== OK) {
        throw new Error(`status ${reply.status}`);
    }
    return Promise.race([reply.text(), late()]);
}

function add(values, name, part, amount) {
    const key = `${name} ${part}`;
    values[key] = (values[key] || 0) + amount;
}

// What the counters of a process have grown by. One that is new has done all of it since the last look; one that ran
// long before this nginx did is counted from now on, as all counters of nginx are.
function growth(before, values, start, own) {
    const counted = before ? before.counted : {};
    const baseline = !before && start < own - TOGETHER;
    const grown = {};
    Object.keys(COUNTERS).forEach((field) => {
        if (field in values) {
            grown[field] = baseline ? 0 : Math.max(0, values[field] - (counted[field] || 0));
        }
    });
    return grown;
}

// What is counted of a process so far: never less than before, whatever is said later.
function remembered(before, values) {
    const counted = {};
    Object.keys(COUNTERS).forEach((field) => {
        if (field in values || (before && field in before.counted)) {
            counted[field] = Math.max(values[field] || 0, (before && before.counted[field]) || 0);
        }
    });
    return counted;
}

// What is said of one process, if it lives: added to the sums, and remembered.
function take(sums, known, own, pid, values) {
    const facts = kernel.look(pid);
    if (!facts) {
        return;
    }
    const before = known[pid] && known[pid].start === facts.start ? known[pid] : null;
    const part = before ? before.part : kernel.partOf(pid, facts.parent);
    const grown = growth(before, values, facts.start, own);
    values.threads = facts.threads;
    Object.keys(grown).forEach((field) => add(sums.counters, COUNTERS[field], part, grown[field]));
    Object.keys(GAUGES).filter((field) => field in values).forEach((field) => {
        add(sums.gauges, GAUGES[field], part, values[field]);
    });
    sums.known[pid] = { start: facts.start, part, counted: remembered(before, values) };
    sums.count += 1;
}

// Nothing is said of a process this time: if it lives, its past is not counted again later.
function keep(sums, known, pid) {
    const facts = kernel.look(pid);
    if (facts && facts.start === known[pid].start) {
        sums.known[pid] = known[pid];
    }
}

// The sums over the processes that live, by part of the pod; and what to remember of each for the next look.
async function summed(known, processes, own) {
    const sums = { counters: {}, gauges: {}, known: {}, count: 0 };
    const silent = Object.keys(known).filter((pid) => !(pid in processes)).slice(0, REMEMBERED);
    await turns.each(Object.keys(processes), (pid) => take(sums, known, own, pid, processes[pid]));
    await turns.each(silent, (pid) => keep(sums, known, pid));
    return sums;
}

function store(sums) {
    const zone = ngx.shared.processes;
    Object.keys(sums.counters).forEach((key) => zone.incr(key, sums.counters[key], 0));
    zone.keys().filter((key) => Object.keys(GAUGES).some((field) => key.startsWith(GAUGES[field]))).forEach((key) => {
        if (!(key in sums.gauges)) {
            zone.delete(key);
        }
    });
    Object.keys(sums.gauges).forEach((key) => zone.set(key, sums.gauges[key]));
    ngx.shared.known.set('known', JSON.stringify(sums.known));
}

async function look(session) {
    let up = 0;
    try {
        const text = await exported(session.variables.process_metrics_port);
        const own = kernel.look(process.ppid);
        const known = JSON.parse(ngx.shared.known.get('known') || '{}');
        const processes = await exporter.parse(text);
        const sums = await summed(known, processes, own ? own.start : 0);
        store(sums);
        up = sums.count ? 1 : 0;
    } catch (unavailable) {
        up = 0;
    }
    ngx.shared.processes.set('up', up);
}

export default { look };
