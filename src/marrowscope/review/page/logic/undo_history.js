// What can be undone and redone: each step names an event and the states it changed.

/** Steps of one reading; `plain` goes into storage and comes back by the constructor. */
export class UndoHistory {
  constructor({ done = [], undone = [] } = {}, most = 2000) {
    this.done = done;
    this.undone = undone;
    this.most = most;
  }

  get plain() {
    return { done: this.done, undone: this.undone };
  }

  /** A new step {event, text, cells: [[id, before, after]…], root?}; what was undone is given up.
   *  `root` is the event that added the cell, where that is what the step did. */
  push(step) {
    this.done.push(step);
    if (this.done.length > this.most) this.done.shift();
    this.undone = [];
  }

  /** Take the last step back: what to send and which states the cells get. `event` names it. */
  undo(event) {
    return turn(this.done, this.undone, event);
  }

  /** Do again what was undone last: an undo of the undo. */
  redo(event) {
    return turn(this.undone, this.done, event);
  }

  /** The cell that an event added has got its id. */
  named(root, id, code) {
    for (const step of this.done) if (step.root === root) step.cells = [[id, false, code]];
    for (const step of this.undone) if (step.root === root) step.cells = [[id, code, false]];
  }

  /** Forget a step that the server refused. */
  forget(event) {
    this.done = this.done.filter((step) => step.event !== event);
    this.undone = this.undone.filter((step) => step.event !== event);
  }
}

function turn(from, to, event) {
  const step = from.pop();
  if (!step) return null;
  const back = { ...step, event, cells: step.cells.map(([id, before, after]) => [id, after, before]) };
  to.push(back);
  return { of: step.event, text: step.text, cells: back.cells, root: step.root };
}
