"""A perceptron on Fashion-MNIST, or on handwritten digits where that is not at hand."""
