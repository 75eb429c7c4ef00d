// The page's texts in English. {0}, {1}, … are values.
export default {
  skip: "To the content", views: "Views", draw: "Draw", race: "Race", runs: "Runs", theme: "Light or dark", api: "HTTP API",
  local: "Everything here is computed on this server; nothing is sent elsewhere.", unreachable: "The server does not answer.",
  drawTitle: "Draw a digit", drawHere: "Draw a digit from 0 to 9 on the pad.", padLabel: "Drawing pad", clear: "Clear",
  padHelp: "Mouse, pen or finger. By keyboard: arrow keys move, space puts the pen down and up, Delete clears.",
  seen: "What the network sees", decided: "Pixels for (orange) and against (blue)", probabilities: "Probability of each class",
  looksLike: "It looks like {0}: {1}", units: "The most active units of the first layer", unit: "Unit {0}, activation {1}",
  unitsHelp: "Orange pixels excite the unit, blue ones inhibit it; the number is its activation.",
  wrong: "Is it wrong?", wrongHelp: "Choose what it is: the drawing is kept as an example, and the network is trained further on it.",
  right: "The right class", training: "A network is being trained: epoch {0} of {1}, validation accuracy {2}",
  tuning: "Training further with your example: epoch {0} of {1}, validation accuracy {2}",
  tuned: "Trained on your example: {0} had {1} before. Examples kept: {2}. Validation accuracy now: {3}.",
  model: "Model {0}: layers {1}, {2} parameters, validation accuracy {3}", noModel: "None of the models served takes images of digits.",
  trainOne: "Train one on handwritten digits",
};
