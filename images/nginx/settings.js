// What is captured, by the settings of the version: `capturing`, which nginx preloads.

const NUMBER = 1 << 20;
const TEXT = 256; // characters of a media type

// Whether a request is one of those that are captured. Its random ID decides, which no caller can choose.
function sampled(r) {
    return parseInt(r.variables.request_id.slice(0, 5), 16) < capturing.percentage / 100 * NUMBER;
}

function mediaType(header) {
    return String(header || '').split(';')[0].trim().toLowerCase().slice(0, TEXT);
}

// Whether bodies of a content type are captured.
function listed(header) {
    const type = mediaType(header);
    const all = Array.from(capturing.contentTypes);
    return !all.length || all.indexOf(type) >= 0 || all.indexOf(`${type.split('/')[0]}/*`) >= 0;
}

export default { sampled, listed, mediaType };
