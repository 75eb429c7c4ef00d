// Small images of numbers: grey values, or signed ones in two colours.

/** Draw values from 0 to 255 (height × width) as light on dark. */
export function grey(canvas, values, [height, width]) {
  paint(canvas, width, height, (place) => Array(3).fill(values[place]));
}

/** Draw values from −1 to 1: blue below 0, orange above, white at 0. */
export function signed(canvas, values, [height, width]) {
  paint(canvas, width, height, (place) => {
    const value = values[place];
    const far = Math.min(1, Math.abs(value));
    const [r, g, b] = value < 0 ? [23, 116, 181] : [214, 90, 16];
    return [r, g, b].map((end) => 255 + (end - 255) * far);
  });
}

function paint(canvas, width, height, rgb) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let place = 0; place < width * height; place++) image.data.set([...rgb(place), 255], 4 * place);
  context.putImageData(image, 0, 0);
}
