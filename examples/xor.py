"""The smallest reason for a hidden layer: exclusive or, with none, two and four hidden units, from ten starts each."""

import deltarule as dr

xor = dr.load_dataset("xor")
for hidden in ((), (2,), (4,)):
    solved = 0
    for seed in range(10):
        network = dr.Network(hidden=hidden, activation="tanh")
        recipe = dr.Recipe(
            network=network, optimizer=dr.Adam(0.05), batch_size=4, epochs=500, stopping=None, scaling="none", seed=seed
        )
        model = dr.train(recipe, xor).model
        solved += model.score(xor.train.x, xor.train.y) == 1.0
    print(f"{model}: all four points right from {solved} of 10 starts")
