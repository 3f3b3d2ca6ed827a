"""Files that `diagnose` answers with a hint for --map, and what the names in the hint stand for."""

from two_layers import HALF_SQUARES, INIT, MADE

FUNCTIONS = (
    INIT
    + """
def forward(params, X):
    h = np.tanh(X @ params["W1"] + params["b1"])
    return h @ params["W2"] + params["b2"], h

def loss(p, y):
    return np.sum((p - y) ** 2) / (2 * len(y))

def backward(params, X, p, y):
    p, h = forward(params, X)
    dp = (p - y) / len(y)
    dz = (dp @ params["W2"].T) * (1 - h**2)
    return {"W1": X.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dp, "b2": dp.sum(axis=0)}
"""
)
CLASS = f"""{MADE}
    def forward(self, X):
        self.X, self.h = X, np.tanh(X @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2
{HALF_SQUARES}
    def backward(self, p, y):
        dp = (p - y) / len(y)
        dz = (dp @ self.W2.T) * (1 - self.h**2)
        self.dW2, self.db2 = self.h.T @ dp, dp.sum(axis=0)
        self.dW1, self.db1 = self.X.T @ dz, dz.sum(axis=0)
"""
SCRIPT = """
rng = np.random.default_rng(0)
feats, score, offset = rng.normal(size=(60, 4)), rng.normal(size=(60, 3)), rng.normal(size=3)
W1, b1, W2, b2 = rng.normal(size=(4, 5)), np.zeros(5), rng.normal(size=(5, 3)), np.zeros(3)
for epoch in range(100):
    h = np.tanh(feats @ W1 + b1)
    p = h @ W2 + b2
    loss = np.sum((p - score) ** 2) / (2 * len(feats))
    shown = (p - offset).mean()
    dp = (p - score) / len(feats)
    dz = (dp @ W2.T) * (1 - h**2)
    W2 -= 0.1 * h.T @ dp
    b2 -= 0.1 * dp.sum(axis=0)
    W1 -= 0.1 * feats.T @ dz
    b1 -= 0.1 * dz.sum(axis=0)
"""
