// The trees the icicle can draw: calls from the root down, or inverted from the innermost frame up, with or without
// library frames. Built once each; only the bytes change with what is chosen.

/**
 * @typedef {{parent: Int32Array, origin: Int32Array, children: number[][], leaf: Int32Array,
 *            charged: Int32Array, callee: Uint8Array}} Tree
 * origin: a node of the profile with the same frame; leaf: for each node of the profile, where its own
 * bytes go; charged: the function whose colour a node has; callee: 1 if that is a caller's colour.
 */

/** @returns {Tree} */
export function build_tree(profile, { inverted, library, charge }) {
    const parent = [-1];
    const origin = [0];
    const children = [[]];
    const known = [new Map()];
    const leaf = new Int32Array(profile.node_count);
    const { start } = profile.changes;
    for (let n = 1; n < profile.node_count; n++) {
        if (start[n + 1] === start[n])
            continue;
        let at = 0;
        for (const step of path_of(profile, n, inverted, library)) {
            const frame = profile.frame[step];
            let next = known[at].get(frame);
            if (next === undefined) {
                next = parent.length;
                parent.push(at);
                origin.push(step);
                children.push([]);
                known.push(new Map());
                known[at].set(frame, next);
                children[at].push(next);
            }
            at = next;
        }
        leaf[n] = at;
    }
    const tree = {
        parent: Int32Array.from(parent), origin: Int32Array.from(origin), children, leaf,
        charged: new Int32Array(parent.length), callee: new Uint8Array(parent.length),
    };
    for (let t = 0; t < parent.length; t++) {
        const own = profile.node_owner.functions[origin[t]];
        tree.charged[t] = charge === "mine" && !inverted && !profile.node_task[origin[t]] ? profile.node_mine.functions[origin[t]] : own;
        tree.callee[t] = tree.charged[t] === own ? 0 : 1;
    }
    return tree;
}

/** The profile's nodes from where the tree starts to where it ends. */
function path_of(profile, n, inverted, library) {
    const path = [];
    for (let at = n; at > 0; at = profile.parent[at])
        if (library || profile.node_user[at] || profile.node_task[at] || profile.frame[at] < 0)
            path.push(at);
    if (!path.length)
        path.push(n); // a stack of library frames only: its innermost one stands for it
    return inverted ? path : path.reverse();
}

/** Bytes of each tree node with everything below it. @param {Float64Array} own by node of the profile */
export function tree_values(tree, own) {
    const values = new Float64Array(tree.parent.length);
    for (let n = 0; n < own.length; n++)
        values[tree.leaf[n]] += own[n];
    for (let t = values.length - 1; t > 0; t--)
        values[tree.parent[t]] += values[t];
    return values;
}
