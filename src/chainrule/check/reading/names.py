"""What books and courses call things: the role of an argument, a method or an array, read from its name."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

ARGUMENTS: dict[str, str] = {
    "X": "a x inputs input xs x_batch batch_x xb x_train input_data data features training_inputs input_vector inp a0 batch "
    "x_in samples input_values input_array X_data rows images a_prev prev_activation layer_input activation_in "
    "row sample example feats z values emb embedding embeddings eingabe eingaben daten entree entrees entrée entrées donnees données "
    "entrada entradas datos dados ingressi",
    "y": "y ys t target targets y_true ytrue labels label actual y_batch batch_y yb y_train training_outputs expected desired "
    "ground_truth ts tgt truth y_actual expected_output target_output true onehot one_hot y_onehot t_batch y_data goal wanted "
    "y_one_hot true_labels targets_batch teacher answer actuals truths gold want targ targs "
    "y_trues all_y_trues y_enc y_encoded "
    "ziel ziele zielwerte sollwerte cible cibles etiquettes étiquettes "
    "objetivo objetivos esperado esperados etiqueta etiquetas alvo alvos bersagli",
    "out": "y_pred ypred y_hat yhat output outputs out prediction predictions pred preds predicted al o probs p probabilities "
    "logits scores a2 a3 a_out softmax_output y_prob final_output yh y_probs prob guess "
    "ausgabe ausgaben vorhersage sortie sorties salida salidas saida saidas prediccion predicciones uscita uscite",
    "lr": "lr learning_rate eta alpha rate step_size learningrate l_rate stepsize lernrate taux taux_apprentissage "
    "tasa tasa_aprendizaje tasa_de_aprendizaje taxa taxa_aprendizado taxa_de_aprendizado tasso tasso_apprendimento",
    "reg": "reg l1 l1_reg l1_penalty l2_penalty lambda_param reg_param lambd lam lambda l2 weight_decay reg_strength l2_reg l2_lambda wd reg_lambda lmbda penalty decay",
    "cache": "cache caches memory ctx tape intermediates saved store forward_cache acts activations state values_cache hidden trace "
    "steps remembered kept",
    "params": "params parameters theta model net network weights_and_biases p w_b param weights layers state",
    "grads": "grads gradients grad g dparams",
    "n": "m n n_samples batch_size num_samples bs batchsize n_rows",
    "dout": "dout dvalues grad_output output_gradient dy dl_dz dl_dy da upstream delta grad gradient d_out error dz dl_dout "
    "grad_out output_error dloss dl_da upstream_grad g dl_doutput accumulated_gradient loss_grad d_output dl_do gout dl",
    "n_in": "n_in dim dimension input_size n_inputs input_dim num_inputs n_x d in_features fan_in n_features inputs_size in_dim n_input "
    "num_features in_size inputnodes input_nodes dim_in nin input_width n_units_in inputs input n_0 in_ inp rows_in d_in i "
    "n_embd embd_dim n_visible visible_size num_visible n_eingabe n_eingaben anzahl_eingaben n_entree n_entrees taille_entree "
    "n_entrada n_entradas num_entradas neuronas_entrada n_ingressi",
    "n_hidden": "n_hidden hidden_size hidden_dim h n_h num_hidden units hidden hidden_units num_hiddens hidden_nodes hiddennodes "
    "hidden_width neurons n_neurons hidden_layer_size d_hidden n_1 hid dim_hidden num_hidden_units h1 h2 hidden1 hidden2 d_h hid_dim "
    "hid_size n_hid d_hid n_versteckt anzahl_versteckt n_cachee n_cachees taille_cachee "
    "n_oculta n_ocultas num_ocultas neuronas_ocultas n_ocultos n_nascosti",
    "n_out": "n_out output_size n_classes num_classes output_dim k c n_y num_outputs n_outputs out_features fan_out "
    "out_dim n_output out_size outputnodes output_nodes dim_out nout outputs units neurons n_neurons output_width n_units classes n_2 o "
    "size out_ d_out outputs_size output out vocab vocab_size n_vocab n_ausgabe n_ausgaben anzahl_ausgaben n_sortie n_sorties "
    "taille_sortie n_salida n_salidas num_salidas neuronas_salida n_saida n_saidas n_uscite",
    "sizes": "sizes layers layer_sizes layer_dims dims layers_dims layer_sizes_list shape architecture structure topology "
    "layers_sizes widths units_per_layer nodes",
    "rng": "rng random_state generator random",
    "seed": "seed",
    "epochs": "epochs n_iter n_iters n_iterations num_iter max_iters max_iterations n_epoch num_iterations iterations n_epochs iters num_iters max_iter steps num_epochs n_steps epoch epochen epoques epocas epoche",
    "true": "training train_flg train is_training train_mode train_flag",
    "false": "verbose debug print_cost print_loss plot",
    "mask": "mask masks dropout_mask",
    "hiddens": "hidden_dims hidden_sizes hidden_layers hidden_layer_sizes hiddens hidden_widths "
    "hidden_size_list hidden_sizes_list hidden_dims_list hidden_layers_list hidden_list",
    "dropout": "dropout dropout_rate drop_rate drop_prob keep_prob keep dropout_prob dropout_ratio p_keep p_drop",
    "weight": "w weight weights kernel",
    "bias": "b bias biases",
}  # fmt: skip
BATCH = re.compile(r"(^|_)(mini_?)?batch(_?size)?$|^bs$")  # its size
TENSOR = re.compile(r"(d?)([Wb])(\d*)")  # W1, b1, dW1, db1; without a number in a class of layers: dW, db

CALLABLES: dict[str, str] = {
    "loss_and_grads": r"loss_?(and|with)_?grad|value_and_grad|grads?_?and_?loss|cost_?and_?grad|forward_?(and_?)?backward|fwd_?bwd"
    r"|compute_loss_and|compute_loss_grad|loss_grad(s|ient|ients)?$|objective_and",
    "numeric": r"numeric|numerical|grad(ient)?_?check|check_?grad|finite_?diff|eval_num",
    "derivative": r"deriv|_prime$|prime$|^d_|^d(relu|sigmoid|tanh|act)|^grad_of|(elu|sigm(oid)?|tanh|activation|act)_?grad(ient)?$",
    "backward": r"backward|back_?prop|_(grads?|gradients?)$|^_?(backward|back_?prop|backpropagat|back_?propagation|bprop|bwd|backward_?(pass|prop|propagation)|compute_grad"
    r"|get_grad|calc_grad|calculate_grad|grads?$|gradients?$|find_grad|back$|backwards)"
    r"|^r(ue|ü)ckw(ae|ä)rts|^r(e|é)tropropag|^gradienten$|^gradientes$|hacia_?atr(a|á)s|indietro",
    "step": r"^(train|fit|learn|step|update_mini_batch|sgd_step|gradient_descent|one_step|training_?step|optimi[sz]e|do_step|run_step|lerne|entra(i|î)n|appren|entren|trein|addestra)",
    "update": r"^(update|apply_grad|sgd$|sgd_update|descend|take_step|adjust)",
    "init": r"init|^(make|create|build|new|random)_?(params|parameters|weights|network|net|model|layers|mlp)",
    "loss": r"loss|cost|cross_?entropy|^(mse|bce|sse)$|mean_squared|error$|^criterion|objective|^nll|total_error|energy"
    r"|^(fehler|kosten|verlust|co(u|û)t|perte|erreur)|^(p(e|é)rdidas?|costes?|costos?|perdas?|custos?|perdita)$",
    "forward": r"forward|^_?(forward|feed_?forward|fwd|fprop|propagate|predict|run$|compute_output|think|activate|model$|net$|network$|query"
    r"|predict_proba|\w+_predict$|output$|hypothesis|__call__|infer|prob|scores|logits|vorw(ae|ä)rts|propag|vorhersage|pr(e|é)dire|predecir|prever|adelante|avanti)",
}
_CALLABLES = {role: re.compile(pattern) for role, pattern in CALLABLES.items()}


def plain(name: str) -> str:
    return name.lower().strip("_")


_ROLES = {role: frozenset(plain(name) for name in names.split()) for role, names in ARGUMENTS.items()}


@cache
def argument_roles(name: str) -> list[str]:
    """Every role an argument of this name may play, in the order of the table."""
    whole = plain(name)
    words = {whole, whole.removeprefix("self_"), *(["lambda"] if "lambda" in whole else [])}  # lambda_reg, lambda1
    found = [role for role, names in _ROLES.items() if words & names]
    return found or (argument_roles(whole[:-5]) if whole.endswith("_list") else [])  # inputs_list


@cache
def callable_role(name: str) -> str | None:
    """The first role in the order of CALLABLES whose pattern is found."""
    return next((role for role, pattern in _CALLABLES.items() if pattern.search(name.lower())), None)


_GRADIENT = re.compile(
    r"^(?:d_?l_?d_?|d_?loss_*d?_*|dj_?d?_?|d_(?=.)|d(?=[wb\d]|weight|bias|theta|gamma|beta|param|[A-Z])|delta_|nabla_|grad(?:ient)?s?_(?:of_|wrt_)?|g(?=[wb]\d*$)|g_)(.+)$"
)
_SUFFIX = re.compile(r"^(.+?)_(?:grads?|gradients?|delta|d|g|update)$")


def gradient_of(name: str) -> str | None:
    """The parameter that an array of this name is the gradient of: dW1 -> w1, grad_weights -> weights; else None."""
    bare = plain(name)
    match = _GRADIENT.match(bare) or _SUFFIX.match(bare)
    if match is None:
        return None
    return match.group(1).strip("_") or None


def is_gradient_alone(name: str) -> bool:
    """Whether it is called a gradient, and not of what: w.g, w.grad."""
    return plain(name) in ("g", "grad", "gradient")


def short(name: str) -> str:
    """One spelling for the ways a parameter is written: weights_1, w1, W_1 -> w1; biases -> b."""
    bare = plain(name).replace("_", "")
    bare = re.sub(r"^(weights?|kernel|theta|coefs?|wts?|gewichte?|poids|pesos?|pesi)", "w", bare)
    return re.sub(r"^(bias(es)?|intercepts?|biais|schwellen?|sesgos?|vies(es)?)", "b", bare)


def is_bias(name: str) -> bool:
    return short(name.split(".")[-1].split("[")[0]).startswith("b") or "bias" in name.lower()


_PLACE = re.compile(r"[wb](?=.)(\d|h|hid|hidden|i|in|inputs?|o|out|outputs?|to|layer|l)*")


def is_weight(name: str) -> bool:
    return short(name).startswith("w") and (short(name) == "w" or names_place(name))


SLOPES = {"w", "weight", "weights", "slope", "m", "a", "k", "theta1", "beta1", "w1"}
INTERCEPTS = {"b", "bias", "intercept", "c", "theta0", "beta0", "w0"}


def is_slope(name: str) -> bool:
    """Whether one number of this name may be w of y = w·x + b."""
    return plain(name).replace("_", "") in SLOPES


def is_intercept(name: str) -> bool:
    """Whether one number of this name may be b of y = w·x + b."""
    return plain(name).replace("_", "") in INTERCEPTS


def is_line(names: Iterable[str]) -> bool:
    """Whether there are both among them."""
    names = list(names)
    return any(map(is_slope, names)) and any(map(is_intercept, names))


def names_place(name: str) -> bool:
    """Whether it is a weight or a bias by its name, and the rest says of which layer: w_h, bias_out,
    weights_input_to_hidden."""
    return _PLACE.fullmatch(short(name)) is not None


def tree_of(fn: Callable[..., Any]) -> ast.AST | None:
    """The syntax tree of a function, where its source can be had."""
    return _tree(getattr(fn, "__func__", fn))


@cache
def _tree(fn: Callable[..., Any]) -> ast.AST | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(fn)))
    except (OSError, TypeError, SyntaxError):
        return None


def returned_names(fn: Callable[..., Any]) -> list[str | None]:
    """The names in the last ``return a, b, c`` of a function, None where an element is not a name."""
    return _returned(getattr(fn, "__func__", fn))


@cache
def _returned(fn: Callable[..., Any]) -> list[str | None]:
    tree = tree_of(fn)
    found: list[str | None] = []
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Return) and node.value is not None:
            elements = node.value.elts if isinstance(node.value, (ast.Tuple, ast.List)) else [node.value]
            found = [_name(element) for element in elements]
    return found


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):  # return dw / m
        return _name(node.left) if isinstance(node.left, ast.Name) else None
    return node.attr if isinstance(node, ast.Attribute) else None


def flat_names(names: Any) -> list[str]:
    """Nested lists of names as one list."""
    return [names] if isinstance(names, str) else [name for inner in names for name in flat_names(inner)]


def _targets(node: ast.expr) -> Any:
    """The names that a tuple is unpacked into, nested as there."""
    if isinstance(node, (ast.Tuple, ast.List)):
        return [found for element in node.elts if (found := _targets(element))]
    return _name(node) or ""


def _unpacks(value: ast.expr, argument: str) -> bool:
    """``... = params``, or ``... = (p.astype(f) for p in params)``."""
    if isinstance(value, (ast.GeneratorExp, ast.ListComp)):
        value = value.generators[0].iter
    return _name(value) == argument


@cache
def takes_pairs(fn: Callable[..., Any], argument: str) -> bool:
    """``for x, y in argument``: its data come as a list of pairs."""
    tree = tree_of(fn)
    loops = [node for node in ast.walk(tree) if isinstance(node, (ast.For, ast.comprehension))] if tree else []
    return "params" not in argument_roles(argument) and any(
        _name(loop.iter) == argument and isinstance(loop.target, ast.Tuple) and len(loop.target.elts) == 2
        for loop in loops
    )


def attributes_used(fns: Iterable[Callable[..., Any]], argument: str) -> list[str]:
    """The attributes that functions read of their container `argument`, methods apart."""
    found: list[str] = []
    for fn in fns:
        nodes = list(ast.walk(tree_of(fn) or ast.Module([], [])))
        called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
        found += [node.attr for node in nodes if isinstance(node, ast.Attribute) and id(node) not in called
                  and _name(node.value) == argument]  # fmt: skip
    return list(dict.fromkeys(found))


def keys_used(fns: Iterable[Callable[..., Any]], argument: str) -> tuple[list[Any], bool]:
    """The names by which functions read their container `argument`: its string keys, or the names it is unpacked
    into, nested as there; and whether it is unpacked."""
    keys: list[str] = []
    unpacked: list[Any] = []
    for fn in fns:
        for node in ast.walk(tree_of(fn) or ast.Module([], [])):
            if isinstance(node, ast.Subscript) and _name(node.value) == argument:
                if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                    keys.append(node.slice.value)
            elif isinstance(node, ast.Assign) and _unpacks(node.value, argument):
                target = node.targets[0]
                if isinstance(target, (ast.Tuple, ast.List)) and not unpacked:
                    unpacked = _targets(target)
    return (unpacked, True) if unpacked else (list(dict.fromkeys(keys)), False)
