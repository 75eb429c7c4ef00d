"""Train a network on handwritten digits, save it, load it, and look at the digits that it gets wrong."""

import tempfile
from pathlib import Path

import deltarule as dr

digits = dr.load_dataset("digits")
recipe = dr.Recipe(network=dr.Network(hidden=(64,), dropout=0.1), epochs=20, seed=0)

training = dr.epochs(recipe, digits)
for epoch in training:
    if epoch.number % 5 == 0:
        print(f"epoch {epoch.number:2}  loss {epoch.train_loss:.3f}  validation accuracy {epoch.validation_score:.3f}")
print(training.run)

with tempfile.TemporaryDirectory() as folder:
    file = training.model.save(Path(folder) / "digits.safetensors")
    model = dr.load_model(file)

assert digits.test is not None
print(f"test accuracy {model.score(digits.test.x, digits.test.y):.3f}")

predicted = model.predict(digits.test.x)
for image, true, guess in zip(digits.test.x, digits.test.y, predicted, strict=True):
    if guess != true:
        print(f"\na {true}, taken for a {guess}:")
        for row in image:
            print("".join(" .:-=+*#%@"[min(int(value) * 10 // 17, 9)] * 2 for value in row))
        break
