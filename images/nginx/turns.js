// Long work in turns: nginx' only worker serves requests in between.

const TURN = 32; // items, which take up to 0.1 ms each

function pause() {
    return new Promise((resolve) => {
        setTimeout(resolve, 0);
    });
}

// Does this to each, in order.
async function each(items, act) {
    for (let i = 0; i < items.length; i++) {
        act(items[i]);
        if (i % TURN === TURN - 1) {
            await pause();
        }
    }
}

export default { each };
