"""The shell's messages in Chinese, by the English ones; fields in braces are filled in."""

from __future__ import annotations

MESSAGES = {
    # Errors.
    "Expected {expected}{place}{got}.": "需要：{expected}{place}{got}。",
    " for {field}": "（{field}）",
    ", got {value}": "；实际：{value}",
    " Try: {suggestion}": "可试：{suggestion}",
    "No such option: {name}.": "没有选项 {name}。",
    "Try: {name}": "可试：{name}",
    "See: {command} --help": "参见：{command} --help",
    "Note: {note}": "注意：{note}",
    # Interruptions.
    "Interrupted.": "已中断。",
    "Interrupted": "已中断",
    ".": "。",
    "Interrupted in epoch {epoch}": "在第 {epoch} 轮中断",
    "; the model so far is in {folder}": "；目前的模型在 {folder} 中",
    " To continue: the command with --resume {folder}": "继续训练：在同一命令后加上 --resume {folder}",
    "Interrupted; nothing was written.": "已中断，没有写入任何文件。",
    "Interrupted; go on with the same command and --output {folder}.": (
        "已中断；要继续，请用同一命令并加上 --output {folder}。"
    ),
    # Training.
    "Compiling the engine, once on this machine; this takes a second or two.": (
        "正在编译引擎，每台机器一次，需要一两秒。"
    ),
    "{name}: {train:,} training samples, {held} validation samples; a network {sizes}, {what}.": (
        "{name}：{train:,} 个训练样本，{held} 个验证样本；网络 {sizes}，{what}。"
    ),
    "Data": "数据",
    "no": "0",
    "classification": "分类",
    "regression": "回归",
    "{task} with {n} classes": "{task}，{n} 个类别",
    "{n} labels a sample": "每个样本 {n} 个标签",
    "{task} of {n} targets": "{task}，{n} 个目标",
    "Continues after {done} of at most {epochs} epochs.": "从第 {done} 轮之后继续，最多 {epochs} 轮。",
    "Preset {name}: {why}.": "预设 {name}：{why}。",
    "The preset's learning rate of {rate} was tuned with its schedule: compare both before a change.": (
        "预设的学习率 {rate} 是连同它的学习率调度一起调出来的：换掉之前请先比较两者。"
    ),
    "Training": "训练",
    "Validation": "验证",
    "Test": "测试",
    "training set": "训练集",
    "validation set": "验证集",
    "test set": "测试集",
    "training": "训练",
    "validation": "验证",
    "epoch {n}: {name} loss {loss}": "第 {n} 轮：{name}损失 {loss}",
    "accuracy {score:.1f} %": "准确率 {score:.1f} %",
    # The report of a training run.
    "Samples": "样本数",
    "Loss": "损失",
    "Accuracy": "准确率",
    "  always {name!r}": "  总是 {name!r}",
    "  always one class": "  总是同一类别",
    "  always the most frequent": "  总是最常见的标签",
    "  always the mean": "  总是平均值",
    "Balanced accuracy": "平衡准确率",
    "Average precision": "平均精确率",
    "Log loss": "对数损失",
    "By {kind}, on the {part}{of}:": "{part}上各{kind}的结果{of}：",
    ", the {some} of {all} with the lowest recall": "（{all} 个中召回率最低的 {some} 个）",
    "class": "类别",
    "label": "标签",
    "Class": "类别",
    "Label": "标签",
    "Predicted": "预测数",
    "Recall": "召回率",
    "Precision": "精确率",
    "Avg. prec.": "平均精确率",
    "{n} epoch": "{n} 轮",
    "{n} epochs": "{n} 轮",
    " (stopped early)": "（提前停止）",
    " (interrupted)": "（已中断）",
    " (diverged)": "（已发散）",
    "; the model is that of epoch {best}": "；保留第 {best} 轮的模型",
    "{epochs} in {seconds} s{kept}.": "{epochs}，用时 {seconds} 秒{kept}。",
    "To try {remedy}: add {options}": "可以尝试：加上 {options}",
    "More: {command}": "详情：{command}",
    "The earlier model is in {folder}.": "较早的模型在 {folder} 中。",
    "recipe, history, model": "配方、训练历史、模型",
    "Everything is in {folder}: {names}.": "全部结果在 {folder} 中：{names}。",
    # Other commands.
    "Comparing": "比较",
    "Diagnosing": "诊断",
    "Trying remedies": "试验改进办法",
    "{s:.1f} s. In {folder}: {names}.": "用时 {s:.1f} 秒。{folder} 中有：{names}。",
    "Nothing wrong was found.": "没有发现问题。",
    "The report is {path}.": "报告：{path}。",
    "The picture is in {path}.": "图片在 {path} 中。",
    "The diagram is in {path}.": "网络图在 {path} 中。",
    "The model and its card are in {folder}: {names}.": "模型和模型卡在 {folder} 中：{names}。",
    "The prediction of one sample is in {path}.": "1 个样本的预测在 {path} 中。",
    "One network, {parameters:,} parameters, is in {path}.": "1 个网络（{parameters:,} 个参数）在 {path} 中。",
    "The predictions of {n:,} samples are in {path}.": "{n:,} 个样本的预测在 {path} 中。",
    "{name} is in {folder}.": "{name} 在 {folder} 中。",
    "Reading rows from standard input, up to Ctrl-D.": "正在从标准输入读取数据行，按 Ctrl-D 结束。",
    "Serving on {url} (Ctrl-C ends it)": "服务地址：{url}（按 Ctrl-C 结束）",
    # Help texts: first sentences of the commands, and the text of `deltarule --help`.
    "Train deep feedforward networks, evaluate them, and suggest improvements.": (
        "训练深层前馈网络，评估它们，并提出改进建议。"
    ),
    "Start with this command, which takes seconds and needs no download:": "先试这条命令，只需几秒，不用下载：",
    "Then look at the results in runs/digits-1 and use the model:": "然后查看 runs/digits-1 中的结果，并使用模型：",
    "Examples:": "示例：",
    "Train a network on a data set and report its performance.": "用一个数据集训练网络，并报告其表现。",
    "Compare variants of a recipe over several seeds: differences, confidence intervals and significance.": (
        "用多个随机种子比较一个配方的各个方案：差异、置信区间和显著性。"
    ),
    "Diagnose a trained network: what is wrong, how it is known, and what may help.": (
        "诊断训练好的网络：有什么问题，依据是什么，怎样可能改进。"
    ),
    "Predict with a model and print one line for each sample, or write a file.": (
        "用模型预测，每个样本打印一行，或写入文件。"
    ),
    "Explain predictions: how much each feature contributes to them.": "解释预测：每个特征的贡献有多大。",
    "Show a model: its layers, how it was trained, its scores with intervals, and the diagnosis.": (
        "显示模型：各层、训练方式、带区间的得分，以及诊断。"
    ),
    "Convert a network of ONNX, PyTorch, Keras or network2 to a model file.": (
        "把 ONNX、PyTorch、Keras 或 network2 的网络转换成模型文件。"
    ),
    "Export a model: a raw row in, probabilities or numbers out, without deltarule.": (
        "导出模型：输入原始数据行，输出概率或数值，不再需要 deltarule。"
    ),
    "Show what each thread does in a training step and in evaluation.": "显示每个线程在训练步和评估中做什么。",
    "List the formulas with their equations, fields and sources, or show one in full.": (
        "列出各个公式及其方程、字段和出处，或完整显示其中一个。"
    ),
    "Compare the gradient of backpropagation with finite differences, in accuracy and cost.": (
        "把反向传播的梯度与有限差分比较：精度和开销。"
    ),
    "Suggest a learning rate by a range test: increase it with each batch and record the loss.": (
        "用范围测试建议学习率：逐批增大学习率并记录损失。"
    ),
    "Join trained networks in one model file, a committee that predicts the mean of their predictions.": (
        "把训练好的网络合成一个模型文件：一个委员会，预测取各网络预测的平均。"
    ),
    "List the records on MNIST and Fashion-MNIST, or run one and compare it with the published errors.": (
        "列出 MNIST 与 Fashion-MNIST 上的最佳纪录，或运行其中一个，并与已发表的错误率比较。"
    ),
    "{n} networks, {parameters:,} parameters together, are in {path}.": (
        "{n} 个网络，共 {parameters:,} 个参数，在 {path} 中。"
    ),
    "Rerun a founding experiment and compare its figures with the published ones.": (
        "重新运行一个奠基性实验，并把结果与发表的数字比较。"
    ),
    "Draw a textbook illustration from real training runs and explain it in a sentence.": (
        "用真实的训练画出教科书中的插图，并用一句话解释。"
    ),
    "Serve models over HTTP, with a page to draw digits, race networks, watch runs.": (
        "通过 HTTP 提供模型，并附网页：手写数字、网络竞赛、查看训练记录。"
    ),
    "Show the processor, the choices measured for it, the cache of compiled code, and versions, for a bug report.": (
        "显示处理器、为它测得的选择、已编译代码的缓存和各个版本，供报告问题时使用。"
    ),
    "List, download, describe and augment data sets.": "列出、下载、描述和扩充数据集。",
}
